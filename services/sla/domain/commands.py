"""What may be asked of sla: a promise made, moved or approved; what was published applied; a danger told."""

from dataclasses import dataclass
from datetime import datetime

from shared.contracts.events import BreachCause, PromiseSubject
from shared.errors import PreconditionFailed
from shared.runner.types import Command


class VersionConflict(PreconditionFailed):
    """The complaint has changed since you read it; read it again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PromiseCommand(Command):
    """Whoever asks. `version`: of the state that they saw, where they say so."""

    actor: str
    version: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MakePromise(PromiseCommand):
    """A date for the next word, or for an action. The date of the outcome is made by policy, and moved by revising."""

    subject: PromiseSubject
    due_at: datetime
    item: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RevisePromise(PromiseCommand):
    """A later date for a promise, with its reason. `approved`: whoever asks may go beyond the cap."""

    promise: int
    due_at: datetime
    reason: str
    approved: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DecideExtension(PromiseCommand):
    """Yes or no to the extension that was asked for that promise."""

    promise: int
    approve: bool


@dataclass(frozen=True, slots=True)
class Recompute(Command):
    """Apply what is published now, if it was published to move what is open."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkAtRisk(Command):
    """Something of ours is down: promises that fall due until `until` are at risk.

    `lost`: from when until when nobody of us lived, where that is over; only who lost working time by it is at risk.
    """

    cause: BreachCause
    until: datetime
    lost: tuple[datetime, datetime] | None = None
