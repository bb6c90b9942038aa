"""Types of text fields in requests: lines, prose, codes, times and durations. Errors name what is expected.

The patterns are checked by pydantic's regex engine on the hot path and are published in schemas, so they use only what
this engine and ECMA-262 have in common. Control characters are refused in all text: PostgreSQL does not store some of
them, and others could forge lines in logs and mail.

`Duration` accepts ISO 8601 with weeks, days and fractions, for lengths of time. Two other fields with durations accept
less on purpose: `services.sla.policies.goal` only hours, minutes and seconds, because "a day" is ambiguous in a goal,
and `deploy.cli.token` the short form `30d`, for people at a terminal.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field, StringConstraints
from pydantic_core import PydanticCustomError

LINE_PATTERN: Final = r"^[^\x00-\x1F\x7F-\x9F\u2028\u2029]*$"
# A carriage return only as part of CRLF, with which web forms end lines.
PROSE_PATTERN: Final = r"^(?:[^\x00-\x08\x0B-\x1F\x7F-\x9F]|\r\n)*$"
REASON_PATTERN: Final = r"^[a-z][a-z0-9_]{0,59}$"
ETAG_PATTERN: Final = r'^"\d{1,9}"$'
INSTANT_EXAMPLE: Final = "2026-05-04T09:30:00+07:00"
IN_URL_EXAMPLE: Final = (
    "2026-05-04T09:30:00Z, or with an offset 2026-05-04T09:30:00%2B07:00: a bare + in a URL means a space"
)

PATTERNS: Final[Mapping[str, str]] = {
    LINE_PATTERN: "one line of text without control characters",
    PROSE_PATTERN: "text without control characters other than new line and tab",
    REASON_PATTERN: (
        "a code of 1 to 60 lower-case letters, digits and underscores, a letter first, such as supplier_delay"
    ),
}
_LINE = re.compile(LINE_PATTERN.replace("$", r"\Z"))
_PROSE = re.compile(PROSE_PATTERN.replace("$", r"\Z"))
_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d.*", re.DOTALL)
_SPACE_FOR_PLUS = re.compile(r".*\d \d\d:?\d\d")
_DURATION = re.compile(
    r"[+-]?P(?=\d|T\d)(\d+W)?(\d+D)?(T(?=\d)(\d+(\.\d+)?H)?(\d+(\.\d+)?M)?(\d+(\.\d+)?S)?)?", re.IGNORECASE
)


def is_line(text: str) -> bool:
    """Return True if the text is one line without control characters."""
    return _LINE.match(text) is not None


def is_prose(text: str) -> bool:
    """Return True if the text has no control characters other than new lines and tabs."""
    return _PROSE.match(text) is not None


def _check_instant(value: Any) -> Any:
    """Refuse what is not a text with date and time: pydantic would accept a number as seconds since 1970."""
    if not isinstance(value, str) or not _TIME.fullmatch(value):
        raise PydanticCustomError("datetime_type", "a time with its offset, such as 2026-05-04T09:30:00+07:00")
    if _SPACE_FOR_PLUS.fullmatch(value[11:]):
        raise PydanticCustomError("datetime_space", f"a time such as {IN_URL_EXAMPLE}")
    return value


def _to_utc(value: datetime) -> datetime:
    """Convert to UTC; refuse times near the limits of datetime, to which no year could be added."""
    if not 1900 < value.year < 9000:
        raise PydanticCustomError("datetime_range", f"a year from 1901 to 8999, such as {INSTANT_EXAMPLE}")
    return value.astimezone(UTC)


def _check_duration(value: Any) -> Any:
    if isinstance(value, str) and not _DURATION.fullmatch(value):
        raise PydanticCustomError("time_delta_parsing", "a duration such as PT4H, PT30M or P2D")
    return value


Item = Annotated[str, StringConstraints(max_length=100, pattern=LINE_PATTERN, strict=True)]
Reason = Annotated[str, StringConstraints(pattern=REASON_PATTERN, strict=True)]
Instant = Annotated[
    AwareDatetime, Field(strict=False), BeforeValidator(_check_instant), AfterValidator(_to_utc)
]  # accepts a text also in strict models
Duration = Annotated[timedelta, BeforeValidator(_check_duration)]
