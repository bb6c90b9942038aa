"""Forms of the updates of a complaint: message, progress, resolution, milestone, reopening, withdrawal, feedback."""

from decimal import Decimal
from typing import Annotated, Any, Literal, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from services.intake.forms.complaint import PastTime
from services.intake.forms.people import STRICT
from services.intake.forms.text import Code, LongProse, Prose
from shared.contracts.events import Milestone, Outcome, ProgressState

REDRESS_MAX = 10
Money = Annotated[Decimal, Field(gt=0, max_digits=14, decimal_places=3)]
Currency = Annotated[str, StringConstraints(pattern="^[A-Z]{3}$", strict=True)]
Author = Literal["customer", "handler"]


def _form(example: dict[str, Any]) -> ConfigDict:
    return ConfigDict(**STRICT, json_schema_extra={"examples": [example]})


class MessageForm(BaseModel):
    """Message added to the complaint. `public` is false for an internal note of a handler."""

    model_config = _form({"author": "customer", "text": "Here is the photo number you asked for: 4471."})

    author: Author = "customer"
    text: LongProse = Field(repr=False)
    public: bool = True

    @model_validator(mode="after")
    def _require_public_customer_message(self) -> Self:
        if self.author == "customer" and not self.public:
            raise PydanticCustomError("private_customer_message", "public true where the author is the customer")
        return self


class ProgressForm(BaseModel):
    """State of a handler's work; a new date for the outcome needs a reason."""

    model_config = _form(
        {
            "state": "awaiting_third_party",
            "note": "The maker sends a new lid; it takes four days.",
            "expected_at": "2031-05-09T17:00:00+07:00",
            "reason": "supplier_delay",
        }
    )

    state: ProgressState
    note: Prose | None = Field(default=None, repr=False, description="Text that the customer may read.")
    expected_at: AwareDatetime | None = Field(default=None, description="A new date for the outcome; needs `reason`.")
    reason: Code | None = Field(default=None, description="A code such as supplier_delay.")

    @model_validator(mode="after")
    def _require_reason_for_date(self) -> Self:
        if self.expected_at is not None and self.reason is None:
            raise PydanticCustomError("date_without_reason", "reason, whenever expected_at is given")
        return self


class Remedy(BaseModel):
    """Remedy offered to the customer."""

    model_config = STRICT

    kind: Literal["refund", "replacement", "repair", "discount", "goodwill", "apology", "other"]
    amount: Money | None = None
    currency: Currency | None = Field(default=None, description="ISO 4217; goes with `amount`.")
    accepted: bool | None = None

    @model_validator(mode="after")
    def _require_amount_with_currency(self) -> Self:
        if (self.amount is None) != (self.currency is None):
            raise PydanticCustomError("amount_without_currency", "amount and currency together, or neither")
        return self


class ResolutionForm(BaseModel):
    """Answer to the complaint, as the customer will read it."""

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
    resolved_at: PastTime | None = Field(default=None, description="When the complaint was resolved; now when absent.")


class MilestoneForm(BaseModel):
    """Step with its own clock that was reached, such as a second review requested or an agreed action completed."""

    model_config = _form(
        {
            "milestone": "action_completed",
            "occurred_at": "2026-05-04T08:15:00+07:00",
            "item": "new_kettle",
            "note": "The new kettle was handed over at the door.",
        }
    )

    milestone: Milestone
    occurred_at: PastTime | None = Field(default=None, description="When it was reached; now when absent.")
    item: Code | None = Field(
        default=None, description="A code that distinguishes several of a kind, such as two actions or two suppliers."
    )
    note: Prose | None = Field(default=None, repr=False, description="Text that the customer may read.")


class ReopeningForm(BaseModel):
    """Request to reopen the complaint, for example because the resolution did not work."""

    model_config = _form({"by": "customer", "reason": "The new kettle leaks as well."})

    by: Author = "customer"
    reason: Prose | None = Field(default=None, repr=False)


class WithdrawalForm(BaseModel):
    """Request of the customer to stop handling the complaint."""

    model_config = _form({"reason": "It works after all."})

    reason: Prose | None = Field(default=None, repr=False)


class FeedbackForm(BaseModel):
    """Feedback of the customer on the resolution; `fixed` false reopens the complaint."""

    model_config = _form({"fixed": True, "score": 5, "words": "Quick and friendly."})

    fixed: Annotated[bool, Field(strict=True)]
    score: Annotated[int, Field(ge=1, le=5, strict=True)] | None = None
    words: Prose | None = Field(default=None, repr=False)
