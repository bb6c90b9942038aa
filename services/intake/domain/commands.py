"""Commands to a complaint, with everything that `decide` needs for each of them."""

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
    """Create a new complaint. The store enforces its idempotency key: only the store sees concurrent requests."""

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
    """Change an existing complaint; with `idempotency_key` the command can be repeated safely."""

    idempotency_key: IdempotencyKey | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AddMessage(UpdateCommand):
    """Add a message of the customer or of a handler."""

    author: Author
    text: str = field(repr=False)
    public: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordProgress(UpdateCommand):
    """Record the state of the work; `expected_at` proposes a new date for the outcome."""

    state: ProgressState
    note: str | None = field(default=None, repr=False)
    expected_at: datetime | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolve(UpdateCommand):
    """Resolve the complaint with an answer; `resolved_at` None means now."""

    outcome: Outcome
    explanation: str = field(repr=False)
    redress: tuple[Redress, ...] = ()
    root_cause: str | None = None
    resolved_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordMilestone(UpdateCommand):
    """Record that a step was reached; `occurred_at` None means now, `item` distinguishes several of a kind."""

    milestone: Milestone
    occurred_at: datetime | None = None
    item: str = ""
    note: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reopen(UpdateCommand):
    """Reopen a resolved or withdrawn complaint."""

    by: Author = "customer"
    reason: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdraw(UpdateCommand):
    """Withdraw the complaint."""

    reason: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class GiveFeedback(UpdateCommand):
    """Record the customer's feedback on the resolution; `fixed` False reopens the complaint."""

    fixed: bool
    score: int | None = None
    words: str | None = field(default=None, repr=False)
