"""What outsiders may ask of a complaint, with everything that `decide` needs to know about it."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from services.intake.domain.idempotency import IdempotencyKey
from shared.contracts.envelope import Contact, Narrative
from shared.contracts.events import Channel, Milestone, Outcome, ProgressState, Redress
from shared.runner.types import Command

Author = Literal["customer", "handler"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FileComplaint(Command):
    """Take in a new complaint. Its idempotency is the store's: only the store sees two at once."""

    reference: str
    client: str
    channel: Channel
    received_at: datetime
    customer: Contact = field(repr=False)
    narrative: Narrative = field(repr=False)
    product: str | None = None
    represented: Contact | None = field(default=None, repr=False)
    authority: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateCommand(Command):
    """A fact about a complaint that exists; `asked` makes it safe to repeat."""

    asked: IdempotencyKey | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AddMessage(UpdateCommand):
    """Add words to the case."""

    author: Author
    text: str = field(repr=False)
    public: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordProgress(UpdateCommand):
    """Say how far it is; `expected_at` proposes a new date."""

    state: ProgressState
    note: str | None = field(default=None, repr=False)
    expected_at: datetime | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolve(UpdateCommand):
    """Give the answer; `resolved_at` None means now."""

    outcome: Outcome
    explanation: str = field(repr=False)
    redress: tuple[Redress, ...] = ()
    root_cause: str | None = None
    resolved_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordMilestone(UpdateCommand):
    """Say that a step was reached; `occurred_at` None means now, `item` tells several of a kind apart."""

    milestone: Milestone
    occurred_at: datetime | None = None
    item: str = ""
    note: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reopen(UpdateCommand):
    """Take it up again."""

    by: Author = "customer"
    reason: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdraw(UpdateCommand):
    """Let it go."""

    reason: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class GiveFeedback(UpdateCommand):
    """Say whether it was really fixed."""

    fixed: bool
    score: int | None = None
    words: str | None = field(default=None, repr=False)
