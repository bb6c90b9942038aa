"""Holidays as text to paste into a calendar, and parsing that several commands need."""

import json
import re
from collections.abc import Iterable
from pathlib import Path

from services.sla.calendar.horizon import FIRST_YEAR, LAST_YEAR
from services.sla.calendar.model import Holiday
from shared.errors import Misconfigured

FILE_BYTES_MAX = 4_194_304


def format_holidays(holidays: Iterable[Holiday], *, as_json: bool) -> str:
    """Format holidays as the field `holidays` of a calendar, in TOML or JSON."""
    entries = [{"on": holiday.on, "name": holiday.name, "source": holiday.source} for holiday in holidays]
    if as_json:
        return json.dumps({"holidays": entries}, ensure_ascii=False, indent=2)
    # A JSON string is a TOML string too, unless it contains surrogate pairs or an unescaped delete character.
    rows = (", ".join(f"{key} = {_quote(value)}" for key, value in entry.items()) for entry in entries)
    return "\n".join(["holidays = [", *(f"  {{ {row} }}," for row in rows), "]"])


def _quote(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def parse_years(text: str) -> range:
    """Parse `2026` or `2026-2028`. Raises `Misconfigured`."""
    match = re.fullmatch(r"([12][0-9]{3})(?:-([12][0-9]{3}))?", text.strip())
    first, last = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
    if not FIRST_YEAR <= first <= last <= LAST_YEAR:
        raise Misconfigured(
            f"--years {text}: expected one year or a range within {FIRST_YEAR} to {LAST_YEAR}, such as 2026-2028."
        )
    return range(first, last + 1)


def read_bytes(file: Path) -> bytes:
    """Read a file. Raises `Misconfigured` if it cannot be read or is too large."""
    try:
        with file.open("rb") as source:
            data = source.read(FILE_BYTES_MAX + 1)
    except OSError as error:
        raise Misconfigured(f"cannot read {file}: {error.strerror}") from None
    if len(data) > FILE_BYTES_MAX:
        raise Misconfigured(f"{file.name}: expected at most {FILE_BYTES_MAX:,} bytes")
    return data
