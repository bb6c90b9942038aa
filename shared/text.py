"""What clients may write: lines, prose, codes, instants and durations, each refused with what is expected.

Patterns are checked by pydantic's own engine on the hot path, so they stay within what it and ECMA-262 both understand.
No text that comes in has control characters: PostgreSQL refuses some, and others forge lines in logs and mail.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field, StringConstraints
from pydantic_core import PydanticCustomError

LINE_PATTERN: Final = r"^[^\x00-\x1F\x7F-\x9F\u2028\u2029]*$"
# A carriage return only as part of CRLF, which is how web forms end their lines.
PROSE_PATTERN: Final = r"^(?:[^\x00-\x08\x0B-\x1F\x7F-\x9F]|\r\n)*$"
REASON_PATTERN: Final = r"^[a-z][a-z0-9_]{0,59}$"
ETAG_PATTERN: Final = r'^"\d{1,9}"$'
INSTANT: Final = "2026-05-04T09:30:00+07:00"
IN_URL: Final = "2026-05-04T09:30:00Z, or with an offset 2026-05-04T09:30:00%2B07:00: a bare + in a URL means a space"

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
_SPAN = re.compile(
    r"[+-]?P(?=\d|T\d)(\d+W)?(\d+D)?(T(?=\d)(\d+(\.\d+)?H)?(\d+(\.\d+)?M)?(\d+(\.\d+)?S)?)?", re.IGNORECASE
)


def is_line(text: str) -> bool:
    """Whether it is one line without control characters."""
    return _LINE.match(text) is not None


def is_prose(text: str) -> bool:
    """Whether it has no control characters besides new lines and tabs."""
    return _PROSE.match(text) is not None


def _instant(value: Any) -> Any:
    """A number would be read as seconds since 1970, which nobody means who was asked for a date."""
    if not isinstance(value, str) or not _TIME.fullmatch(value):
        raise PydanticCustomError("datetime_type", "a time with its offset, such as 2026-05-04T09:30:00+07:00")
    if _SPACE_FOR_PLUS.fullmatch(value[11:]):
        raise PydanticCustomError("datetime_space", f"a time such as {IN_URL}")
    return value


def _plausible(value: datetime) -> datetime:
    """In UTC, and far enough from the ends of time that a year can be added or taken."""
    if not 1900 < value.year < 9000:
        raise PydanticCustomError("datetime_range", f"a time of this age, such as {INSTANT}")
    return value.astimezone(UTC)


def _span(value: Any) -> Any:
    if isinstance(value, str) and not _SPAN.fullmatch(value):
        raise PydanticCustomError("time_delta_parsing", "a duration such as PT4H, PT30M or P2D")
    return value


Item = Annotated[str, StringConstraints(max_length=100, pattern=LINE_PATTERN, strict=True)]
Reason = Annotated[str, StringConstraints(pattern=REASON_PATTERN, strict=True)]
Instant = Annotated[
    AwareDatetime, Field(strict=False), BeforeValidator(_instant), AfterValidator(_plausible)
]  # a text also in strict forms
Duration = Annotated[timedelta, BeforeValidator(_span)]
