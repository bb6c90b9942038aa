"""May this schema replace that one under the same event version? Readers of old and new run side by side."""

from collections.abc import Iterator
from typing import Any

Schema = dict[str, Any]


def breaks(old: Schema, new: Schema) -> list[str]:
    """What an event written by one side could contain that the other cannot read; empty when compatible.

    Allowed: a new optional field. Everything else is a new meaning and so a new version.
    """
    return sorted(set(_breaks("", old, new, old.get("$defs", {}), new.get("$defs", {}))))


def _breaks(at: str, old: Schema, new: Schema, olds: Schema, news: Schema) -> Iterator[str]:
    old, new = _resolve(old, olds), _resolve(new, news)
    where = at or "event"
    before, after = old.get("properties", {}), new.get("properties", {})
    yield from (f"{where}.{name}: removed" for name in before.keys() - after.keys())
    added = set(new.get("required", ())) - set(old.get("required", ()))
    yield from (f"{where}.{name}: required now" for name in added)
    for name in before.keys() & after.keys():
        yield from _breaks(f"{at}.{name}".lstrip("."), before[name], after[name], olds, news)
    for key in ("type", "const", "format", "pattern", "minimum", "maximum"):
        if old.get(key) != new.get(key):
            yield f"{where}: {key} was {old.get(key)!r}, is {new.get(key)!r}"
    yield from _choices(where, old, new, olds, news)
    if isinstance(old.get("items"), dict) and isinstance(new.get("items"), dict):
        yield from _breaks(f"{where}[]", old["items"], new["items"], olds, news)


def _choices(where: str, old: Schema, new: Schema, olds: Schema, news: Schema) -> Iterator[str]:
    if set(old.get("enum", ())) != set(new.get("enum", ())):
        yield f"{where}: its values changed"
    before, after = _alternatives(old), _alternatives(new)
    if len(before) != len(after):
        yield f"{where}: its alternatives changed"
    for number, (one, other) in enumerate(zip(before, after, strict=False)):
        yield from _breaks(f"{where}|{number}", one, other, olds, news)


def _alternatives(schema: Schema) -> list[Schema]:
    found: list[Schema] = schema.get("anyOf") or schema.get("oneOf") or []
    return found


def _resolve(schema: Schema, definitions: Schema) -> Schema:
    name = str(schema.get("$ref", "")).removeprefix("#/$defs/")
    return {**definitions[name], **{k: v for k, v in schema.items() if k != "$ref"}} if name else schema
