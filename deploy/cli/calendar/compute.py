"""One line of `redress calendar compute`: what is asked, what is answered, and what is refused with a reason.

Instants are ISO 8601 with an offset and may have microseconds, which count exactly. Only the keys named below count;
others are passed over, so that a line may carry an id of its own.
"""

import json
from datetime import UTC, datetime
from typing import Any, Never

from deploy.cli.calendar.cache import CalendarCache
from deploy.cli.calendar.compact_format import plainly
from deploy.cli.calendar.micros import MICROS, Pause, due, worked
from services.sla.calendar.compiled import EARLIEST, FIRST_YEAR, LAST_YEAR, LATEST, Compiled
from shared.errors import Rejected

MOST_BYTES = 1_048_576  # of a line: a calendar with a century of holidays is 30 KB
MOST_SECONDS = (LAST_YEAR - FIRST_YEAR + 1) * 366 * 86_400  # more than all years hold that are computed
_UNIX = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST, _LAST = (int(at.timestamp()) * MICROS for at in (EARLIEST, LATEST))
_OBJECT = (
    '{"tz": "UTC", "weekly_hours": {"mon": [["09:00", "17:00"]]}, "start": "2026-03-02T09:00:00Z", "add_seconds": 3600}'
)
_EXAMPLE = "expected ISO 8601 with an offset such as '2026-03-02T09:00:00+01:00'"


def answer(line: bytes, book: CalendarCache) -> str:
    """The JSON line for that line: due, elapsed_seconds or error."""
    try:
        return answered(read(line), book)
    except Rejected as error:
        reason = plainly(error)
    except RecursionError:
        reason = "nested too deeply"
    except Exception as error:  # noqa: BLE001  # a line that we did not foresee must not take the others with it
        reason = f"not understood: {type(error).__name__}: {str(error)[:200]}"
    return json.dumps({"error": reason})


def read(line: bytes) -> dict[str, Any]:
    """The object on that line. Raises `Rejected` for anything else, and for a key that is there twice."""
    if len(line.rstrip(b"\r\n")) > MOST_BYTES:
        raise Rejected(f"the line is longer than {MOST_BYTES:,} bytes")
    if not line.strip():
        raise Rejected("the line is empty")
    try:
        told = _DECODER.decode(line.decode())
    except UnicodeDecodeError:
        raise Rejected("the line is not UTF-8") from None
    except json.JSONDecodeError as error:
        raise Rejected(f"the line is not JSON: {error.msg} at character {error.pos + 1}") from None
    except ValueError:
        raise Rejected("the line has a number of thousands of digits") from None
    if not isinstance(told, dict):
        raise Rejected(f"expected an object such as {_OBJECT}, got {_short(told)}")
    return told


def answered(told: dict[str, Any], book: CalendarCache) -> str:
    """Due or elapsed, as a JSON line. Raises `Rejected` saying which key is wrong and what is accepted."""
    budget, end = told.get("add_seconds"), told.get("end")
    if (budget is None) == (end is None):
        raise Rejected("expected either add_seconds or end, got " + ("neither" if end is None else "both"))
    start = _instant(told.get("start"), "start")
    pauses = _pauses(told.get("pauses"))
    if end is not None:
        until = _instant(end, "end")
        compiled = book.compiled(told, start // MICROS)
        return f'{{"elapsed_seconds": {_seconds(worked(compiled, start, until, pauses))}}}'
    micros = _budget(budget)
    compiled = book.compiled(told, start // MICROS)
    return f'{{"due": "{_written(compiled, due(compiled, start, micros, pauses))}"}}'


def _instant(value: Any, key: str) -> int:
    """Microseconds of UTC."""
    try:
        at = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise Rejected(f"{key}: {_EXAMPLE}, got {_short(value)}") from None
    if at.tzinfo is None:
        raise Rejected(f"{key}: {value!r} says no offset; {_EXAMPLE}")
    since = at - _UNIX
    micros = (since.days * 86_400 + since.seconds) * MICROS + since.microseconds
    if not _FIRST <= micros <= _LAST:
        raise Rejected(f"{key}: expected an instant of the years {FIRST_YEAR} to {LAST_YEAR}, got {value!r}")
    return micros


def _budget(value: Any) -> int:
    """Microseconds; a fraction finer than that is rounded."""
    if type(value) not in (int, float) or not abs(value) <= MOST_SECONDS:  # NaN is not either
        raise Rejected(f"add_seconds: expected a number of seconds up to {MOST_SECONDS:,}, got {_short(value)}")
    return value * MICROS if type(value) is int else round(value * MICROS)


def _pauses(value: Any) -> list[Pause]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise Rejected(f"pauses: expected a list of [from, until], got {_short(value)}")
    return [_pause(item, f"pauses.{number}") for number, item in enumerate(value)]


def _pause(item: Any, key: str) -> Pause:
    if not isinstance(item, list) or len(item) != 2:
        raise Rejected(f"{key}: expected [from, until], got {_short(item)}")
    if item[1] is None:
        raise Rejected(f"{key}: has not ended, so nothing that comes after it is known; expected [from, until]")
    since, until = _instant(item[0], f"{key}.0"), _instant(item[1], f"{key}.1")
    if until < since:
        raise Rejected(f"{key}: ends at {item[1]!r}, before it begins at {item[0]!r}")
    return since, until


def _written(compiled: Compiled, micros: int) -> str:
    second, rest = divmod(micros, MICROS)
    return datetime.fromtimestamp(second, compiled.calendar.zone).replace(microsecond=rest).isoformat()


def _seconds(micros: int) -> int | float:
    return micros / MICROS if micros % MICROS else micros // MICROS


def _short(value: Any) -> str:
    return "nothing" if value is None else json.dumps(value)[:60]


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        raise Rejected(f"{_short(next(name for name in names if names.count(name) > 1))} is there twice")
    return found


def _no_number(text: str) -> Never:
    raise Rejected(f"{text} is not a number of JSON")


_DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_no_number)
