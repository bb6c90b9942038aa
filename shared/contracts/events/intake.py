"""Events published by intake: facts that customers, clients and handlers have reported about a complaint."""

from decimal import Decimal
from typing import Literal

from pydantic import AwareDatetime, Field

from shared.contracts.envelope import Fact, FrozenModel
from shared.contracts.events.vocabulary import Channel, Milestone, Outcome, ProgressState


class Redress(FrozenModel):
    """Remedy that is offered. `amount` in `currency` (ISO 4217), both only if the remedy is money."""

    kind: Literal["refund", "replacement", "repair", "discount", "goodwill", "apology", "other"]
    amount: Decimal | None = None
    currency: str | None = Field(default=None, pattern="^[A-Z]{3}$")
    accepted: bool | None = None


class ComplaintReceived(Fact):
    """A complaint was received. `received_at` is when the customer handed it over, anywhere in the organisation."""

    kind = "complaint.received"
    reference: str
    client: str
    channel: Channel
    received_at: AwareDatetime
    product: str | None = None
    locale: str | None = None
    timezone: str | None = None
    on_behalf: bool = False


class MessageAdded(Fact):
    """A message was added to the complaint."""

    kind = "complaint.message_added"
    author: Literal["customer", "handler"]
    public: bool = True


class ProgressRecorded(Fact):
    """A handler changed the state of work. `expected_at` proposes a new date for the outcome and needs a `reason`."""

    kind = "complaint.progress_recorded"
    state: ProgressState
    expected_at: AwareDatetime | None = None
    reason: str | None = None  # a code such as `supplier_delay`; free text belongs to the narrative


class Resolved(Fact):
    """The complaint was resolved. The explanation is part of the narrative."""

    kind = "complaint.resolved"
    outcome: Outcome
    resolved_at: AwareDatetime
    redress: tuple[Redress, ...] = ()
    root_cause: str | None = None


class Reopened(Fact):
    """The complaint was reopened, because the resolution did not solve the problem."""

    kind = "complaint.reopened"
    by: Literal["customer", "handler"] = "customer"


class Withdrawn(Fact):
    """The customer has withdrawn the complaint."""

    kind = "complaint.withdrawn"


class FeedbackGiven(Fact):
    """Answer of the customer to the question whether the problem was fixed."""

    kind = "complaint.feedback_given"
    fixed: bool
    score: int | None = Field(default=None, ge=1, le=5)


class MilestoneRecorded(Fact):
    """A step with a clock of its own was reached. `occurred_at` may be earlier than the report.

    `item` distinguishes several steps of the same kind, such as a second agreed action or another supplier. `settled`:
    the customer has accepted the outcome, on whatever channel.
    """

    kind = "complaint.milestone_recorded"
    milestone: Milestone
    occurred_at: AwareDatetime
    item: str = ""


class Merged(Fact):
    """This complaint was merged into another one, which continues it. Reserved: no service publishes it yet."""

    kind = "complaint.merged"
    into_reference: str
