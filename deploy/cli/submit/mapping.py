"""Map a row of a file to the request body of intake: columns, constants and cleaned text."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from deploy.cli.submit.rows import SourceRow
from shared.errors import Misconfigured, Rejected

TARGETS = (
    "channel",
    "subject",
    "narrative",
    "product",
    "expected_outcome",
    "received_at",
    "customer.name",
    "customer.email",
    "customer.phone",
    "customer.locale",
    "customer.timezone",
    "on_behalf_of.name",
    "on_behalf_of.email",
    "on_behalf_of.phone",
    "on_behalf_of.authority",
)
ATTRIBUTES = "attributes."
ONE_LINE_TARGETS = (
    "channel",
    "subject",
    "product",
    "customer.name",
    "customer.email",
    "customer.phone",
    "on_behalf_of.name",
)
PLACEHOLDER = re.compile(r"\{([^{}]+)\}")
CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
LINE_BREAKS = re.compile("\r\n?|\u2028|\u2029|\x85")
SPACES = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class MappingPlan:
    """Source of each field: `columns` first, `constants` for fields whose column is empty or not mapped."""

    columns: Mapping[str, str]
    constants: Mapping[str, str]
    zone: tzinfo = UTC  # of times without offset


@dataclass(frozen=True, slots=True)
class MappedRow:
    """Request body of a row; `cleaned` if characters that cannot be stored were removed."""

    form: dict[str, Any]
    cleaned: bool


def parse_plan(maps: Sequence[str], sets: Sequence[str], zone: str = "UTC") -> MappingPlan:
    """Parse `--map TARGET=COLUMN` and `--set TARGET=TEXT`. Raises `Misconfigured`."""
    return MappingPlan(
        columns=dict(_parse_pair(item, "--map", "narrative=text") for item in maps),
        constants=dict(_parse_pair(item, "--set", "channel=web") for item in sets),
        zone=_parse_zone(zone),
    )


def map_row(plan: MappingPlan, row: SourceRow) -> MappedRow:
    """Return the request body for the row. Raises `Rejected` if a template names a column that is empty."""
    form: dict[str, Any] = {}
    any_cleaned = False
    for target in dict.fromkeys((*plan.columns, *plan.constants)):
        text = _target_text(plan, row, target)
        if text is None:
            continue
        cleaned_text = clean_text(text, one_line=target in ONE_LINE_TARGETS)
        any_cleaned = any_cleaned or cleaned_text.changed
        if cleaned_text.text:
            _set_field(form, target, _convert(target, cleaned_text.text, plan))
    return MappedRow(form, any_cleaned)


def column_value(values: Mapping[str, Any], column: str) -> Any:
    """Value of a column. Dots step into nested objects, unless the whole name is a column."""
    if column in values:
        return values[column]
    value: Any = values
    for part in column.split("."):
        if not isinstance(value, Mapping) or part not in value:
            return None
        value = value[part]
    return value


@dataclass(frozen=True, slots=True)
class CleanText:
    """Text that can be stored; `changed` if more than line ends and outer spaces differ from the source."""

    text: str
    changed: bool


def clean_text(text: str, *, one_line: bool) -> CleanText:
    """Replace control characters and broken surrogates by spaces; keep paragraphs unless `one_line`."""
    lines = LINE_BREAKS.sub("\n", text)
    cleaned = CONTROL.sub(" ", lines)
    changed = cleaned != lines
    if one_line:
        cleaned = SPACES.sub(" ", cleaned)
    return CleanText(cleaned.strip(), changed)


def _parse_pair(item: str, option: str, example: str) -> tuple[str, str]:
    target, equals, value = item.partition("=")
    if not equals or not value:
        raise Misconfigured(f"{option} {item}: expected TARGET=VALUE, such as {option} {example}.")
    named = target.startswith(ATTRIBUTES) and len(target) > len(ATTRIBUTES)
    if target not in TARGETS and not named:
        raise Misconfigured(f"{option} {item}: no field {target}. Fields are {', '.join(TARGETS)} and attributes.NAME.")
    return target, value


def _parse_zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise Misconfigured(f"--timezone {name}: expected an IANA name such as Asia/Jakarta.") from None


def _target_text(plan: MappingPlan, row: SourceRow, target: str) -> str | None:
    column = plan.columns.get(target)
    value = column_value(row.values, column) if column else None
    if value is not None and str(value).strip():
        return value if isinstance(value, str) else _value_text(value)
    template = plan.constants.get(target)
    return (
        None if template is None else PLACEHOLDER.sub(lambda match: _fill_placeholder(row, match[1], target), template)
    )


def _fill_placeholder(row: SourceRow, column: str, target: str) -> str:
    value = row.line if column == "line" and "line" not in row.values else column_value(row.values, column)
    if value is None or not str(value).strip():
        raise Rejected(f"{target}: the column {column}, which its template needs, is empty")
    return str(value)


def _value_text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, (dict, list)) else str(value)


def _convert(target: str, text: str, plan: MappingPlan) -> str:
    if target == "channel":
        return text.lower()
    return _add_offset(text, plan.zone) if target == "received_at" else text


def _add_offset(text: str, zone: tzinfo) -> str:
    """Add the offset of `zone` to a time without offset; a date becomes its first moment.

    Text that is not a time stays as it is, and intake rejects it.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return text
    return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).isoformat()


def _set_field(form: dict[str, Any], target: str, text: str) -> None:
    group, _, name = target.partition(".")
    if name:
        form.setdefault(group, {})[name] = text
    else:
        form[target] = text
