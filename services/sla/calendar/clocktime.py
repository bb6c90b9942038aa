"""Wall-clock times as whole seconds after midnight, and local times as whole seconds of UTC."""

import re
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

DAY = 86_400  # seconds
UNIX_ORDINAL = date(1970, 1, 1).toordinal()
LATEST_END = 2 * DAY  # an interval may run into the next day: 22:00-30:00 ends at 06:00
_TEXT = re.compile(r"(\d\d):([0-5]\d)(?::([0-5]\d))?")


def seconds_of(text: object) -> int:
    """`09:30` as 34200. Up to `48:00`, so that a night shift is one interval: 22:00 to 30:00 is 06:00 of the next day.

    Raises `ValueError` with an example.
    """
    found = _TEXT.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        raise ValueError(f"expected a time such as '09:00' or '24:00', got {text!r}")
    hours, minutes, seconds = (int(part or 0) for part in found.groups())
    total = hours * 3600 + minutes * 60 + seconds
    if total > LATEST_END:
        raise ValueError(f"{text!r} is beyond '48:00', the end of the next day")
    return total


def text_of(seconds: int) -> str:
    """34200 as `09:30`, the way it is read in."""
    hours, rest = divmod(seconds, 3600)
    minutes, seconds = divmod(rest, 60)
    return f"{hours:02d}:{minutes:02d}" + (f":{seconds:02d}" if seconds else "")


def zone_of(key: str) -> ZoneInfo:
    """The IANA zone of that name; raises `ValueError` where there is none."""
    try:
        return ZoneInfo(key)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"unknown time zone {key!r}; expected an IANA name such as 'Europe/Oslo'") from None


def instant(zone: ZoneInfo, ordinal: int, seconds: int) -> int:
    """Local time `seconds` after midnight of that day (proleptic ordinal), as seconds of UTC.

    A time that occurs twice is its first occurrence; one that is skipped moves forward by the gap. Both are what
    `fold=0` means to zoneinfo, and what RFC 5545 and Temporal's "compatible" ask for.
    """
    local = datetime.fromordinal(ordinal) + timedelta(seconds=seconds)
    offset = zone.utcoffset(local)
    assert offset is not None  # noqa: S101  # a ZoneInfo always knows, tzinfo's signature does not
    return (ordinal - UNIX_ORDINAL) * DAY + seconds - (offset.days * DAY + offset.seconds)
