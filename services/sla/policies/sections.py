"""Sections of a rulebook document: lists of entries, whoever wrote the document."""

import json
from collections.abc import Mapping
from typing import Any

from shared.errors import Rejected

SECTIONS = ("calendar", "policy", "pack")
ENTRIES_MAX = 500  # of one section of a document received over HTTP; each calendar is compiled to check it


def require_known_sections(data: Any) -> Mapping[str, Any]:
    """Return the document. Raises `Rejected` if it is no object or has an unknown section."""
    if not isinstance(data, Mapping):
        raise Rejected(f'expected an object such as {{"calendar": […], "policy": […]}}, got {_short(data)}')
    unknown = sorted(str(name) for name in data if name not in SECTIONS)
    if unknown:
        raise Rejected(f"unknown section {unknown[0]!r}; expected [[calendar]], [[policy]] and [[pack]]")
    return data


def read_section(data: Mapping[str, Any], section: str) -> list[Mapping[str, Any]]:
    """Return the entries of one section, none if it is absent. Raises `Rejected` if it is no list of entries."""
    entries = data.get(section, [])
    expected = f'{section}: expected a list of entries, in TOML [[{section}]], in JSON "{section}": [{{"id": …}}]'
    if isinstance(entries, Mapping):
        raise Rejected(f"{expected}, got a single entry; write [[{section}]] with two brackets, or a list of one entry")
    if not isinstance(entries, list | tuple):
        raise Rejected(f"{expected}, got {_short(entries)}")
    strange = next((index for index, entry in enumerate(entries) if not isinstance(entry, Mapping)), None)
    if strange is not None:
        raise Rejected(f"{expected}, got {_short(entries[strange])} as number {strange + 1}")
    return list(entries)


def check_section_sizes(data: Any) -> None:
    """Raise `Rejected` for an unknown section, one that is no list of entries, or one with too many entries."""
    document = require_known_sections(data)
    for section in SECTIONS:
        count = len(read_section(document, section))
        if count > ENTRIES_MAX:
            raise Rejected(f"{section}: expected at most {ENTRIES_MAX} entries, got {count}")


def _short(value: Any) -> str:
    return json.dumps(value, default=str, ensure_ascii=False)[:60]
