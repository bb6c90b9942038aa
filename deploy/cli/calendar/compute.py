"""Parse one line of `redress calendar compute`, compute its result, or report an error with its reason.

Instants are ISO 8601 with an offset and exact to the microsecond. Unknown keys are ignored, so that a line may contain
an id of its own.
"""

import json
from datetime import UTC, datetime
from typing import Any, Never

from deploy.cli.calendar.cache import CalendarCache
from deploy.cli.calendar.compact_format import reason_without_id
from deploy.cli.calendar.micros import MICROS, Pause, compute_due, compute_elapsed
from services.sla.calendar import Compiled
from services.sla.calendar.horizon import EARLIEST, FIRST_YEAR, LAST_YEAR, LATEST
from shared.errors import Rejected

LINE_BYTES_MAX = 1_048_576  # a calendar with a century of holidays is 30 KB
SECONDS_MAX = (LAST_YEAR - FIRST_YEAR + 1) * 366 * 86_400  # more than the years that are computed contain
_UNIX = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST, _LAST = (int(at.timestamp()) * MICROS for at in (EARLIEST, LATEST))
_OBJECT = (
    '{"tz": "UTC", "weekly_hours": {"mon": [["09:00", "17:00"]]}, "start": "2026-03-02T09:00:00Z", "add_seconds": 3600}'
)
_EXAMPLE = "expected ISO 8601 with an offset such as '2026-03-02T09:00:00+01:00'"


def compute_line(line: bytes, calendars: CalendarCache) -> str:
    """Return the JSON result of one line: due, elapsed_seconds or error."""
    try:
        return compute_result(parse_line(line), calendars)
    except Rejected as error:
        reason = reason_without_id(error)
    except RecursionError:
        reason = "nested too deeply"
    except Exception as error:  # noqa: BLE001  # one unexpected line must not stop the stream
        reason = f"not understood: {type(error).__name__}: {str(error)[:200]}"
    return json.dumps({"error": reason})


def parse_line(line: bytes) -> dict[str, Any]:
    """Parse the JSON object of one line. Raises `Rejected` for any other text, and for a duplicate key."""
    if len(line.rstrip(b"\r\n")) > LINE_BYTES_MAX:
        raise Rejected(f"the line is longer than {LINE_BYTES_MAX:,} bytes")
    if not line.strip():
        raise Rejected("the line is empty")
    try:
        request = _DECODER.decode(line.decode())
    except UnicodeDecodeError:
        raise Rejected("the line is not UTF-8") from None
    except json.JSONDecodeError as error:
        raise Rejected(f"the line is not JSON: {error.msg} at character {error.pos + 1}") from None
    except ValueError:
        raise Rejected("the line has a number with too many digits") from None
    if not isinstance(request, dict):
        raise Rejected(f"expected an object such as {_OBJECT}, got {_short(request)}")
    return request


def compute_result(request: dict[str, Any], calendars: CalendarCache) -> str:
    """Compute due or elapsed as a JSON line. Raises `Rejected` with the key and what is accepted."""
    budget, end = request.get("add_seconds"), request.get("end")
    if (budget is None) == (end is None):
        raise Rejected("expected either add_seconds or end, got " + ("neither" if end is None else "both"))
    start = _instant(request.get("start"), "start")
    pauses = _pauses(request.get("pauses"))
    if end is not None:
        until = _instant(end, "end")
        compiled = calendars.compiled(request, start // MICROS)
        return f'{{"elapsed_seconds": {_seconds(compute_elapsed(compiled, start, until, pauses))}}}'
    micros = _budget(budget)
    compiled = calendars.compiled(request, start // MICROS)
    return f'{{"due": "{_format_local(compiled, compute_due(compiled, start, micros, pauses))}"}}'


def _instant(value: Any, key: str) -> int:
    """Return an instant as microseconds of UTC. Raises `Rejected`."""
    try:
        at = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise Rejected(f"{key}: {_EXAMPLE}, got {_short(value)}") from None
    if at.tzinfo is None:
        raise Rejected(f"{key}: {value!r} has no offset; {_EXAMPLE}")
    since = at - _UNIX
    micros = (since.days * 86_400 + since.seconds) * MICROS + since.microseconds
    if not _FIRST <= micros <= _LAST:
        raise Rejected(f"{key}: expected an instant of the years {FIRST_YEAR} to {LAST_YEAR}, got {value!r}")
    return micros


def _budget(value: Any) -> int:
    """Return a number of seconds as microseconds, rounded. Raises `Rejected`."""
    if type(value) not in (int, float) or not abs(value) <= SECONDS_MAX:  # False for NaN too
        raise Rejected(f"add_seconds: expected a number of seconds up to {SECONDS_MAX:,}, got {_short(value)}")
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
        raise Rejected(f"{key}: a pause without an end is not accepted; expected [from, until]")
    since, until = _instant(item[0], f"{key}.0"), _instant(item[1], f"{key}.1")
    if until < since:
        raise Rejected(f"{key}: ends at {item[1]!r}, before it begins at {item[0]!r}")
    return since, until


def _format_local(compiled: Compiled, micros: int) -> str:
    second, rest = divmod(micros, MICROS)
    return datetime.fromtimestamp(second, compiled.calendar.zone).replace(microsecond=rest).isoformat()


def _seconds(micros: int) -> int | float:
    return micros / MICROS if micros % MICROS else micros // MICROS


def _short(value: Any) -> str:
    return "nothing" if value is None else json.dumps(value)[:60]


def _refuse_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    unique = dict(pairs)
    if len(unique) != len(pairs):
        names = [name for name, _ in pairs]
        raise Rejected(f"{_short(next(name for name in names if names.count(name) > 1))} is a duplicate key")
    return unique


def _refuse_constant(text: str) -> Never:
    raise Rejected(f"{text} is not a number of JSON")


_DECODER = json.JSONDecoder(object_pairs_hook=_refuse_duplicates, parse_constant=_refuse_constant)
