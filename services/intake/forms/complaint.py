"""Form of a new complaint."""

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    TypeAdapter,
    ValidationInfo,
)
from pydantic_core import PydanticCustomError

from services.intake.forms.people import STRICT, Customer, Represented
from services.intake.forms.text import AttributeName, AttributeValue, Line, LongProse, Prose
from shared.contracts.events import Channel

BODY_MAX = 256 * 1024  # bytes of one complaint as JSON
ATTRIBUTES_MAX = 32
CLOCK_SKEW_MAX = timedelta(minutes=5)  # clocks of clients may be ahead by that much
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
KEY_PATTERN = r"^[\x21-\x7E]{1,200}$"
KEY = re.compile(KEY_PATTERN)


def is_plausible_time(moment: datetime, now: datetime) -> bool:
    """Return True if an event can have happened then: since 2000, and at most five minutes in the future."""
    return EARLIEST <= moment <= now + CLOCK_SKEW_MAX


def _check_past(moment: datetime, info: ValidationInfo) -> datetime:
    now = info.context if isinstance(info.context, datetime) else datetime.now(UTC)
    if not is_plausible_time(moment, now):
        raise PydanticCustomError("implausible_time", "a time with offset, from the year 2000 until now")
    return moment.astimezone(UTC)


PastTime = Annotated[AwareDatetime, Field(strict=True), AfterValidator(_check_past)]
KeyText = Annotated[str, StringConstraints(pattern=KEY_PATTERN, strict=True)]

EXAMPLE: dict[str, Any] = {
    "customer": {
        "name": "Customer 12",
        "email": "customer12@example.org",
        "locale": "en",
        "timezone": "Asia/Jakarta",
    },
    "channel": "web",
    "subject": "Kettle arrived broken",
    "narrative": "The kettle I ordered last week arrived with a cracked lid and leaks. I need it by Friday.",
    "product": "Kettle 1.7 l",
    "expected_outcome": "A replacement, or my money back",
    "attributes": {"order": "A-10442"},
}


class ComplaintForm(BaseModel):
    """A complaint: the customer, the channel, and the customer's own account of what happened."""

    model_config = ConfigDict(**STRICT, json_schema_extra={"examples": [EXAMPLE]})

    customer: Customer
    channel: Channel
    subject: Line | None = Field(default=None, repr=False)
    narrative: LongProse = Field(repr=False, description="What happened, 1 to 100,000 characters.")
    product: Line | None = None
    expected_outcome: Prose | None = Field(default=None, repr=False, description="Solution that the customer expects.")
    received_at: PastTime | None = Field(
        default=None, description="When the customer submitted the complaint, with offset; now when absent."
    )
    on_behalf_of: Represented | None = None
    attributes: Annotated[dict[AttributeName, AttributeValue], Field(max_length=ATTRIBUTES_MAX)] = Field(
        default_factory=dict, repr=False, description="Further data of your system; at most 32 texts."
    )


class ComplaintLine(ComplaintForm):
    """A line of a batch request: a complaint, with its idempotency key inside."""

    model_config = ConfigDict(
        **STRICT, json_schema_extra={"examples": [{**EXAMPLE, "idempotency_key": "order-A-10442-1"}]}
    )

    idempotency_key: KeyText | None = Field(
        default=None, description="Makes the line safe to repeat: 1 to 200 visible ASCII characters."
    )


COMPLAINT: TypeAdapter[ComplaintForm] = TypeAdapter(ComplaintForm)
COMPLAINT_LINE: TypeAdapter[ComplaintLine] = TypeAdapter(ComplaintLine)


def is_key(text: str) -> bool:
    """Return True if the text has the format of an idempotency key."""
    return KEY.fullmatch(text) is not None
