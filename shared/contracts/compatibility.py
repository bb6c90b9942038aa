"""Compatibility of two schemas under the same event version.

During a deployment, services of the old and the new version publish and read the same topics.
"""

from collections.abc import Iterator
from typing import Any

Schema = dict[str, Any]


def find_breaking_changes(old: Schema, new: Schema) -> list[str]:
    """Return the changes that make an event of one schema unreadable under the other; empty if they are compatible.

    A new optional field is compatible. Any other change needs a new version of the event.
    """
    return sorted(set(_find("", old, new, old.get("$defs", {}), new.get("$defs", {}))))


def _find(at: str, old: Schema, new: Schema, olds: Schema, news: Schema) -> Iterator[str]:
    old, new = _resolve(old, olds), _resolve(new, news)
    where = at or "event"
    before, after = old.get("properties", {}), new.get("properties", {})
    yield from (f"{where}.{name}: removed" for name in before.keys() - after.keys())
    added = set(new.get("required", ())) - set(old.get("required", ()))
    yield from (f"{where}.{name}: required now" for name in added)
    for name in before.keys() & after.keys():
        yield from _find(f"{at}.{name}".lstrip("."), before[name], after[name], olds, news)
    for key in ("type", "const", "format", "pattern", "minimum", "maximum"):
        if old.get(key) != new.get(key):
            yield f"{where}: {key} was {old.get(key)!r}, is {new.get(key)!r}"
    yield from _choices(where, old, new, olds, news)
    if isinstance(old.get("items"), dict) and isinstance(new.get("items"), dict):
        yield from _find(f"{where}[]", old["items"], new["items"], olds, news)


def _choices(where: str, old: Schema, new: Schema, olds: Schema, news: Schema) -> Iterator[str]:
    if set(old.get("enum", ())) != set(new.get("enum", ())):
        yield f"{where}: its values changed"
    before, after = _alternatives(old), _alternatives(new)
    if len(before) != len(after):
        yield f"{where}: its alternatives changed"
    for number, (alternative, replacement) in enumerate(zip(before, after, strict=False)):
        yield from _find(f"{where}|{number}", alternative, replacement, olds, news)


def _alternatives(schema: Schema) -> list[Schema]:
    alternatives: list[Schema] = schema.get("anyOf") or schema.get("oneOf") or []
    return alternatives


def _resolve(schema: Schema, definitions: Schema) -> Schema:
    name = str(schema.get("$ref", "")).removeprefix("#/$defs/")
    return {**definitions[name], **{k: v for k, v in schema.items() if k != "$ref"}} if name else schema
