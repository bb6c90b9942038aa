"""The sections of a rulebook document, whoever wrote it: lists of entries, or a reason why they are none."""

import json
from collections.abc import Mapping
from typing import Any

from shared.errors import Rejected

SECTIONS = ("calendar", "policy", "pack")


def checked(data: Any) -> Mapping[str, Any]:
    """The document, if it is one. Raises `Rejected` naming what else stands in it."""
    if not isinstance(data, Mapping):
        raise Rejected(f'expected an object such as {{"calendar": […], "policy": […]}}, got {_short(data)}')
    unknown = sorted(str(name) for name in data if name not in SECTIONS)
    if unknown:
        raise Rejected(f"unknown section {unknown[0]!r}; expected [[calendar]], [[policy]] and [[pack]]")
    return data


def entries(data: Mapping[str, Any], section: str) -> list[Mapping[str, Any]]:
    """The entries of one section; none where it is left out. Raises `Rejected` for what is no list of entries."""
    found = data.get(section, [])
    expected = f'{section}: expected a list of entries, in TOML [[{section}]], in JSON "{section}": [{{"id": …}}]'
    if isinstance(found, Mapping):
        raise Rejected(f"{expected}, got a single one; write [[{section}]] with two brackets, or a list of one")
    if not isinstance(found, list | tuple):
        raise Rejected(f"{expected}, got {_short(found)}")
    strange = next((place for place, one in enumerate(found) if not isinstance(one, Mapping)), None)
    if strange is not None:
        raise Rejected(f"{expected}, got {_short(found[strange])} as number {strange + 1}")
    return list(found)


def _short(value: Any) -> str:
    return json.dumps(value, default=str, ensure_ascii=False)[:60]
