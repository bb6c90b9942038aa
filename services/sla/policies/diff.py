"""Differences between two revisions of the rulebook: as data for programs and as sentences for people."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Literal, NamedTuple

from services.sla.calendar.clocktime import format_hours
from services.sla.calendar.document import SECTIONS, DocumentModel, Section
from services.sla.policies.rulebook import Revision, Rulebook

ChangeType = Literal["added", "removed", "changed", "reordered"]
NAME_KEYS = ("kind", "on", "id", "clock", "title")  # keys that can name the entries of a list, in order of preference
VALUE_LENGTH_MAX = 120  # characters of a value in a sentence


class FieldChange(NamedTuple):
    """Change of one field, such as `clocks.requester_wait.goal.business`; `old` or `new` is None if it is absent."""

    field: str
    old: Any
    new: Any


class RulebookChange(NamedTuple):
    """Change of one calendar, policy or pack, or of the order of the policies (then `id` is empty)."""

    what: Section
    how: ChangeType
    id: str
    old_version: int | None
    new_version: int | None
    fields: tuple[FieldChange, ...]
    sentences: tuple[str, ...]


def compare_rulebooks(old: Rulebook, new: Rulebook) -> list[RulebookChange]:
    """Return the changes from the current revision of `old` to the current revision of `new`."""
    changes: list[RulebookChange] = []
    for section in SECTIONS:
        before, after = _current_entries(old, section), _current_entries(new, section)
        for name in before | after:
            changes += _changes_of_entry(section, before.get(name), after.get(name))
    return [*changes, *_order_changes(old.current, new.current)]


def _current_entries(rulebook: Rulebook, section: Section) -> dict[str, Any]:
    """Return the current entries of a section by id."""
    current = rulebook.current
    if section == "calendar":
        return {name: rulebook.calendar(name).calendar for name in current.calendars}
    return {entry.id: entry for entry in (current.policies if section == "policy" else current.packs)}


def _changes_of_entry(section: Section, before: Any, after: Any) -> Iterator[RulebookChange]:
    if before is None:
        sentence = f"{_title(section, after)} is new."
        yield RulebookChange(section, "added", after.id, None, after.version, (), (sentence,))
    elif after is None:
        sentence = f"{_title(section, before)} is no longer current; complaints that it applies to keep it."
        yield RulebookChange(section, "removed", before.id, before.version, None, (), (sentence,))
    elif before.version != after.version:
        fields = tuple(_field_changes(before, after))
        head = f"{section.capitalize()} '{after.id}' changes from version {before.version} to {after.version}."
        sentences = (head, *(_sentence(change) for change in fields))
        yield RulebookChange(section, "changed", after.id, before.version, after.version, fields, sentences)


def _title(section: Section, entry: Any) -> str:
    return f"{section.capitalize()} '{entry.id}' version {entry.version}"


def _order_changes(old: Revision, new: Revision) -> Iterator[RulebookChange]:
    """Yield a change if the policies of both revisions are in another order: the first match applies."""
    before, after = ([policy.id for policy in revision.policies] for revision in (old, new))
    kept_before = [name for name in before if name in after]
    kept_after = [name for name in after if name in before]
    if kept_before != kept_after:
        order = FieldChange("order", before, after)
        sentence = f"The order of the policies changes: {', '.join(after)} instead of {', '.join(before)}."
        yield RulebookChange("policy", "reordered", "", None, None, (order,), (sentence,))


def _leaves(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping) and value:
        for name, inner in value.items():
            yield from _leaves(f"{path}.{name}" if path else str(name), inner)
    elif isinstance(value, list) and (hours := _format_hours(value)):
        yield path, hours
    elif isinstance(value, list) and (key := _name_key(value)):
        for inner in value:
            rest = {name: field for name, field in inner.items() if name != key} or {"": True}
            yield from _leaves(f"{path}.{inner[key]}", rest)
    else:
        yield path.rstrip("."), value


def _format_hours(values: list[Any]) -> str | None:
    """Return opening hours as text such as `09:00-17:00`, or None if the list contains something else."""
    if not values or not all(isinstance(value, list) and list(map(type, value)) == [int, int] for value in values):
        return None
    return ", ".join(format_hours(start, end) for start, end in values)


def _name_key(values: list[Any]) -> str | None:
    """Return the key that names each entry of the list uniquely, or None."""
    for key in NAME_KEYS:
        names = [value.get(key) if isinstance(value, dict) else None for value in values]
        if names and None not in names and len(set(names)) == len(names):
            return key
    return None


def _field_changes(before: DocumentModel, after: DocumentModel) -> Iterator[FieldChange]:
    """Yield the changes of fields that differ from their default in one of the two versions."""
    old, new = (
        dict(_leaves("", entry.model_dump(mode="json", exclude_defaults=True, exclude={"id", "version"})))
        for entry in (before, after)
    )
    for path in old | new:
        if old.get(path) != new.get(path):
            yield FieldChange(path, old.get(path), new.get(path))


def _sentence(change: FieldChange) -> str:
    if change.old is None:
        return f"{change.field} is new: {_format_value(change.new)}."
    if change.new is None:
        return f"{change.field} is removed; it was {_format_value(change.old)}."
    return f"{change.field} changes from {_format_value(change.old)} to {_format_value(change.new)}."


def _format_value(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= VALUE_LENGTH_MAX else text[: VALUE_LENGTH_MAX - 1] + "…"
