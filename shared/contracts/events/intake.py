"""What outsiders state about a complaint, as intake says it."""

from decimal import Decimal
from typing import Literal

from pydantic import AwareDatetime, Field

from shared.contracts.envelope import Fact, FrozenModel
from shared.contracts.events.vocabulary import Channel, Milestone, Outcome, ProgressState


class Redress(FrozenModel):
    """What is offered to put things right; `amount` in `currency` (ISO 4217), both only where money is the remedy."""

    kind: Literal["refund", "replacement", "repair", "discount", "goodwill", "apology", "other"]
    amount: Decimal | None = None
    currency: str | None = Field(default=None, pattern="^[A-Z]{3}$")
    accepted: bool | None = None


class ComplaintReceived(Fact):
    """A complaint reached us. `received_at` is when the customer handed it over, anywhere in the organisation."""

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
    """Somebody added words to the case."""

    kind = "complaint.message_added"
    author: Literal["customer", "handler"]
    public: bool = True


class ProgressRecorded(Fact):
    """A handler moved the case. `expected_at` proposes a new date for the outcome and needs `reason`."""

    kind = "complaint.progress_recorded"
    state: ProgressState
    expected_at: AwareDatetime | None = None
    reason: str | None = None  # a code such as `supplier_delay`; words belong to the narrative


class Resolved(Fact):
    """The answer is known; the explanation is narrative."""

    kind = "complaint.resolved"
    outcome: Outcome
    resolved_at: AwareDatetime
    redress: tuple[Redress, ...] = ()
    root_cause: str | None = None


class Reopened(Fact):
    """The resolution did not hold."""

    kind = "complaint.reopened"
    by: Literal["customer", "handler"] = "customer"


class Withdrawn(Fact):
    """The customer no longer wants it handled."""

    kind = "complaint.withdrawn"


class FeedbackGiven(Fact):
    """The customer's answer to "was it really fixed?"."""

    kind = "complaint.feedback_given"
    fixed: bool
    score: int | None = Field(default=None, ge=1, le=5)


class MilestoneRecorded(Fact):
    """A step that has a clock of its own was reached. `occurred_at` may lie before we heard of it.

    `item` tells several of a kind apart: the second action agreed, another supplier. `settled`: the customer accepted
    the outcome, however it was said.
    """

    kind = "complaint.milestone_recorded"
    milestone: Milestone
    occurred_at: AwareDatetime
    item: str = ""


class Merged(Fact):
    """This complaint goes on as another one."""

    kind = "complaint.merged"
    into_reference: str
