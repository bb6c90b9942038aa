"""Holidays as text to paste into a calendar, and the small readings that the commands share."""

import json
import re
from collections.abc import Iterable
from pathlib import Path

from services.sla.calendar.horizon import FIRST_YEAR, LAST_YEAR
from services.sla.calendar.model import Holiday
from shared.errors import Misconfigured

MOST_BYTES = 4_194_304  # of a file that people write


def pasted(holidays: Iterable[Holiday], *, as_json: bool) -> str:
    """The `holidays` of a calendar, as TOML or JSON."""
    entries = [{"on": one.on, "name": one.name, "source": one.source} for one in holidays]
    if as_json:
        return json.dumps({"holidays": entries}, ensure_ascii=False, indent=2)
    # A string of JSON is one of TOML, as long as it is spared surrogate pairs and the delete character.
    rows = (", ".join(f"{key} = {_quoted(value)}" for key, value in entry.items()) for entry in entries)
    return "\n".join(["holidays = [", *(f"  {{ {row} }}," for row in rows), "]"])


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def years_of(text: str) -> range:
    """`2026` or `2026-2028`. Raises `Misconfigured`."""
    found = re.fullmatch(r"([12][0-9]{3})(?:-([12][0-9]{3}))?", text.strip())
    first, last = (int(found[1]), int(found[2] or found[1])) if found else (1, 0)
    if not FIRST_YEAR <= first <= last <= LAST_YEAR:
        raise Misconfigured(
            f"--years {text}: expected a year or two of {FIRST_YEAR} to {LAST_YEAR}, such as 2026-2028."
        )
    return range(first, last + 1)


def bytes_of(file: Path) -> bytes:
    """What is in the file. Raises `Misconfigured` where it cannot be read, or is too large to have been written."""
    try:
        with file.open("rb") as source:
            data = source.read(MOST_BYTES + 1)
    except OSError as error:
        raise Misconfigured(f"cannot read {file}: {error.strerror}") from None
    if len(data) > MOST_BYTES:
        raise Misconfigured(f"{file.name} has more than {MOST_BYTES:,} bytes")
    return data
