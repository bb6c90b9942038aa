"""Wall-clock times as whole seconds after midnight, and local times as whole seconds of UTC."""

import re
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

DAY = 86_400  # seconds
UNIX_ORDINAL = date(1970, 1, 1).toordinal()
LATEST_END = 2 * DAY  # an interval may run into the next day: 22:00-30:00 ends at 06:00
_TEXT = re.compile(r"(\d\d):([0-5]\d)(?::([0-5]\d))?", re.ASCII)
_BLOCK = 512  # days whose offsets are looked up together
_BLOCKS_KEPT = 4096  # a few years of every zone there is


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
    return (ordinal - UNIX_ORDINAL) * DAY + seconds - _offset(zone, local)


def last_second(zone: ZoneInfo, ordinal: int) -> int:
    """23:59:59 of that local date, the second of them where clocks go back; UTC seconds.

    A date that a zone skipped ends as it begins, with the last second of the date before.
    """
    return instant(zone, ordinal + 1, 0) - 1


def steady_offsets(zone: ZoneInfo, first: int, last: int) -> Sequence[int | None]:
    """Seconds east of UTC for each day from `first` up to `last` (ordinals); None where clocks change within the day.

    No zone changes its clocks twice within one day, so a day is steady when both midnights around it agree. Most days
    are, and then a local time is an addition instead of a question to the zone.
    """
    blocks = range(first // _BLOCK, last // _BLOCK + 1)
    found = [offset for block in blocks for offset in _steady_block(zone, block)]
    skipped = first - blocks[0] * _BLOCK
    return found[skipped : skipped + last + 1 - first]


@lru_cache(maxsize=_BLOCKS_KEPT)
def _steady_block(zone: ZoneInfo, block: int) -> tuple[int | None, ...]:
    midnight = datetime.fromordinal(block * _BLOCK)
    known: dict[int, int] = {}  # the few offsets of a zone once each, or a block would be five times as large
    offsets = [
        known.setdefault(one, one) for one in (_offset(zone, midnight + timedelta(days=n)) for n in range(_BLOCK + 1))
    ]
    return tuple(this if this == offsets[n + 1] else None for n, this in enumerate(offsets[:-1]))


def _offset(zone: ZoneInfo, local: datetime) -> int:
    offset = zone.utcoffset(local)
    assert offset is not None  # noqa: S101  # a ZoneInfo always knows, tzinfo's signature does not
    return offset.days * DAY + offset.seconds
