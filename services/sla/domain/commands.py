"""Commands of sla: make, revise or approve a promise; apply a publication; mark promises at risk."""

from dataclasses import dataclass
from datetime import datetime

from shared.contracts.events import BreachCause, PromiseSubject
from shared.errors import PreconditionFailed
from shared.runner.types import Command


class VersionConflict(PreconditionFailed):
    """The complaint has changed since you read it; read it again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PromiseCommand(Command):
    """Command of a person. `version`: that of the state the person saw, if the client sends it."""

    actor: str
    version: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MakePromise(PromiseCommand):
    """Promise a date for the next update or an action. The policy makes the date of the outcome; revise that one."""

    subject: PromiseSubject
    due_at: datetime
    item: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RevisePromise(PromiseCommand):
    """Move a promise to a later date, with a reason. `approved`: the actor may exceed the cap."""

    promise: int
    due_at: datetime
    reason: str
    approved: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DecideExtension(PromiseCommand):
    """Approve or refuse the extension requested for a promise."""

    promise: int
    approve: bool


@dataclass(frozen=True, slots=True)
class Recompute(Command):
    """Apply the publications that move open complaints."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkAtRisk(Command):
    """Mark promises that fall due until `until` as at risk, because of an outage.

    `lost`: period of a finished downtime. Only promises whose business hours overlap it are at risk.
    """

    cause: BreachCause
    until: datetime
    lost: tuple[datetime, datetime] | None = None
