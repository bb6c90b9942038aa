"""What one revision of the rulebook says differently from another: as data for machines, in sentences for people."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple

from pydantic import BaseModel

from services.sla.calendar.clocktime import text_of
from services.sla.policies.rulebook import Revision, Rulebook

What = Literal["calendar", "policy", "pack"]
How = Literal["added", "removed", "changed", "reordered"]
NAMED_BY = ("kind", "on", "id", "clock", "title")  # what tells the entries of a list apart, the first that they have
SHOWN = 120  # characters of a value in a sentence


class FieldChange(NamedTuple):
    """One field, such as `clocks.requester_wait.goal.business`; old absent: it is new, new absent: it is gone."""

    field: str
    old: Any
    new: Any


class RulebookChange(NamedTuple):
    """What happens to one calendar, policy or pack, or to the order of the policies (`id` empty)."""

    what: What
    how: How
    id: str
    old_version: int | None
    new_version: int | None
    fields: tuple[FieldChange, ...]
    sentences: tuple[str, ...]


def changes(old: Rulebook, new: Rulebook) -> list[RulebookChange]:
    """From what is current in one to what is current in the other."""
    found: list[RulebookChange] = []
    for what, before, after in _sections(old, new):
        for name in [*before, *(one for one in after if one not in before)]:
            found += _changed(what, before.get(name), after.get(name))
    return [*found, *_reordered(old.current, new.current)]


def _sections(old: Rulebook, new: Rulebook) -> Iterator[tuple[What, dict[str, Any], dict[str, Any]]]:
    yield "calendar", _calendars(old), _calendars(new)
    yield "policy", _by_id(old.current.policies), _by_id(new.current.policies)
    yield "pack", _by_id(old.current.packs), _by_id(new.current.packs)


def _by_id(listed: Sequence[Any]) -> dict[str, Any]:
    return {one.id: one for one in listed}


def _calendars(book: Rulebook) -> dict[str, Any]:
    return {name: book.calendar(name).calendar for name in book.current.calendars}


def _changed(what: What, before: Any, after: Any) -> Iterator[RulebookChange]:
    if before is None:
        yield RulebookChange(what, "added", after.id, None, after.version, (), (f"{_called(what, after)} is new.",))
    elif after is None:
        gone = f"{_called(what, before)} is no longer current; what came under it keeps it."
        yield RulebookChange(what, "removed", before.id, before.version, None, (), (gone,))
    elif before.version != after.version:
        fields = tuple(_fields(_plain(before), _plain(after)))
        head = f"{what.capitalize()} '{after.id}' goes from version {before.version} to {after.version}."
        sentences = (head, *(_sentence(one) for one in fields))
        yield RulebookChange(what, "changed", after.id, before.version, after.version, fields, sentences)


def _called(what: What, one: Any) -> str:
    return f"{what.capitalize()} '{one.id}' version {one.version}"


def _reordered(old: Revision, new: Revision) -> Iterator[RulebookChange]:
    """The first match counts, so another order is another rulebook."""
    before, after = ([one.id for one in revision.policies] for revision in (old, new))
    kept_before, kept_after = [one for one in before if one in after], [one for one in after if one in before]
    if kept_before != kept_after:
        order = FieldChange("order", before, after)
        sentence = f"Policies are asked in another order: {', '.join(after)} instead of {', '.join(before)}."
        yield RulebookChange("policy", "reordered", "", None, None, (order,), (sentence,))


def _plain(model: BaseModel) -> dict[str, Any]:
    """The fields that were written, flat: a path for each leaf."""
    return dict(_leaves("", model.model_dump(mode="json", exclude_defaults=True, exclude={"id", "version"})))


def _leaves(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping) and value:
        for name, inner in value.items():
            yield from _leaves(f"{path}.{name}" if path else str(name), inner)
    elif isinstance(value, list) and (hours := _hours(value)):
        yield path, hours
    elif isinstance(value, list) and (key := _key(value)):
        for inner in value:
            rest = {name: one for name, one in inner.items() if name != key} or {"": True}
            yield from _leaves(f"{path}.{inner[key]}", rest)
    else:
        yield path.rstrip("."), value


def _hours(listed: list[Any]) -> str | None:
    """Opening hours as people write them, if that is what the list is."""
    spans = [one for one in listed if isinstance(one, list) and len(one) == 2 and all(type(x) is int for x in one)]
    if not spans or len(spans) != len(listed):
        return None
    return ", ".join(f"{text_of(start)}-{text_of(end)}" for start, end in spans)


def _key(listed: list[Any]) -> str | None:
    """What names the entries of that list, if each has a name of its own."""
    for key in NAMED_BY:
        names = [one.get(key) if isinstance(one, dict) else None for one in listed]
        if names and None not in names and len(set(names)) == len(names):
            return key
    return None


def _fields(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[FieldChange]:
    for path in [*before, *(one for one in after if one not in before)]:
        old, new = before.get(path), after.get(path)
        if old != new:
            yield FieldChange(path, old, new)


def _sentence(one: FieldChange) -> str:
    if one.old is None:
        return f"{one.field} is new: {_shown(one.new)}."
    if one.new is None:
        return f"{one.field} is gone; it was {_shown(one.old)}."
    return f"{one.field}: {_shown(one.old)} becomes {_shown(one.new)}."


def _shown(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"
