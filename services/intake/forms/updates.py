"""What others state about a complaint later: words, progress, an answer, a change of mind."""

from decimal import Decimal
from typing import Annotated, Any, Literal, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from services.intake.forms.complaint import Happened
from services.intake.forms.people import STRICT
from services.intake.forms.text import Code, LongProse, Prose
from shared.contracts.events import Milestone as Step
from shared.contracts.events import Outcome, ProgressState

REDRESS_MAX = 10
Money = Annotated[Decimal, Field(gt=0, max_digits=14, decimal_places=3)]
Currency = Annotated[str, StringConstraints(pattern="^[A-Z]{3}$", strict=True)]
Author = Literal["customer", "handler"]


def _form(example: dict[str, Any]) -> ConfigDict:
    return ConfigDict(**STRICT, json_schema_extra={"examples": [example]})


class MessageForm(BaseModel):
    """Words added to the case. A handler's internal note has `public` false."""

    model_config = _form({"author": "customer", "text": "Here is the photo number you asked for: 4471."})

    author: Author = "customer"
    text: LongProse = Field(repr=False)
    public: bool = True

    @model_validator(mode="after")
    def _customers_speak_openly(self) -> Self:
        if self.author == "customer" and not self.public:
            raise PydanticCustomError("private_customer_message", "public true where the author is the customer")
        return self


class ProgressForm(BaseModel):
    """A handler moved the case; a new date for the outcome needs its reason."""

    model_config = _form(
        {
            "state": "awaiting_third_party",
            "note": "The maker sends a new lid; it takes four days.",
            "expected_at": "2031-05-09T17:00:00+07:00",
            "reason": "supplier_delay",
        }
    )

    state: ProgressState
    note: Prose | None = Field(default=None, repr=False, description="What the customer may be told.")
    expected_at: AwareDatetime | None = Field(default=None, description="A new date for the outcome; needs `reason`.")
    reason: Code | None = Field(default=None, description="A code such as supplier_delay.")

    @model_validator(mode="after")
    def _a_new_date_has_a_reason(self) -> Self:
        if self.expected_at is not None and self.reason is None:
            raise PydanticCustomError("date_without_reason", "reason, whenever expected_at is given")
        return self


class Remedy(BaseModel):
    """What is offered to put things right."""

    model_config = STRICT

    kind: Literal["refund", "replacement", "repair", "discount", "goodwill", "apology", "other"]
    amount: Money | None = None
    currency: Currency | None = Field(default=None, description="ISO 4217; goes with `amount`.")
    accepted: bool | None = None

    @model_validator(mode="after")
    def _money_has_a_currency(self) -> Self:
        if (self.amount is None) != (self.currency is None):
            raise PydanticCustomError("amount_without_currency", "amount and currency together, or neither")
        return self


class ResolutionForm(BaseModel):
    """The answer, as the customer will read it."""

    model_config = _form(
        {
            "outcome": "upheld",
            "explanation": "You are right: the kettle left us broken. A new one is on its way.",
            "redress": [{"kind": "replacement"}, {"kind": "goodwill", "amount": "50000", "currency": "IDR"}],
            "root_cause": "packaging",
        }
    )

    outcome: Outcome
    explanation: LongProse = Field(repr=False)
    redress: Annotated[tuple[Remedy, ...], Field(max_length=REDRESS_MAX)] = ()
    root_cause: Code | None = None
    resolved_at: Happened | None = Field(default=None, description="When the answer was known; now when absent.")


class MilestoneForm(BaseModel):
    """A step that has a clock of its own was reached, such as a second review asked for or an agreed action done."""

    model_config = _form(
        {
            "milestone": "action_completed",
            "occurred_at": "2026-05-04T08:15:00+07:00",
            "item": "new_kettle",
            "note": "The new kettle was handed over at the door.",
        }
    )

    milestone: Step
    occurred_at: Happened | None = Field(default=None, description="When it was reached; now when absent.")
    item: Code | None = Field(
        default=None, description="A code that tells several of a kind apart: another action, another supplier."
    )
    note: Prose | None = Field(default=None, repr=False, description="What the customer may be told.")


class ReopeningForm(BaseModel):
    """The resolution did not hold."""

    model_config = _form({"by": "customer", "reason": "The new kettle leaks as well."})

    by: Author = "customer"
    reason: Prose | None = Field(default=None, repr=False)


class WithdrawalForm(BaseModel):
    """The customer no longer wants it handled."""

    model_config = _form({"reason": "It works after all."})

    reason: Prose | None = Field(default=None, repr=False)


class FeedbackForm(BaseModel):
    """The answer to "was it really fixed?"; no reopens the case."""

    model_config = _form({"fixed": True, "score": 5, "words": "Quick and friendly."})

    fixed: Annotated[bool, Field(strict=True)]
    score: Annotated[int, Field(ge=1, le=5, strict=True)] | None = None
    words: Prose | None = Field(default=None, repr=False)
