"""From a row of somebody's file to the form that intake takes: columns mapped, constants set, text cleaned."""

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
LINES = ("channel", "subject", "product", "customer.name", "customer.email", "customer.phone", "on_behalf_of.name")
PLACEHOLDER = re.compile(r"\{([^{}]+)\}")
CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
BREAKS = re.compile("\r\n?|\u2028|\u2029|\x85")
SPACES = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class Plan:
    """What fills what: `columns` come first, `constants` where the column is empty or not mapped."""

    columns: Mapping[str, str]
    constants: Mapping[str, str]
    zone: tzinfo = UTC  # of times that state no offset


@dataclass(frozen=True, slots=True)
class Mapped:
    """A row as a form, and whether characters that cannot be stored were taken out of it."""

    form: dict[str, Any]
    cleaned: bool


def read_plan(maps: Sequence[str], sets: Sequence[str], zone: str = "UTC") -> Plan:
    """The plan that `--map TARGET=COLUMN` and `--set TARGET=TEXT` describe. Raises `Misconfigured`."""
    return Plan(
        columns=dict(_pair(item, "--map", "narrative=text") for item in maps),
        constants=dict(_pair(item, "--set", "channel=web") for item in sets),
        zone=_zone(zone),
    )


def apply(plan: Plan, row: SourceRow) -> Mapped:
    """The form for this row. Raises `Rejected` where a template names a column that is empty."""
    form: dict[str, Any] = {}
    cleaned = False
    for target in dict.fromkeys((*plan.columns, *plan.constants)):
        text = _value(plan, row, target)
        if text is None:
            continue
        clean = tidy(text, one_line=target in LINES)
        cleaned = cleaned or clean.changed
        if clean.text:
            _put(form, target, _shaped(target, clean.text, plan))
    return Mapped(form, cleaned)


def pick(values: Mapping[str, Any], column: str) -> Any:
    """The value of a column; dots step into nested objects, unless the whole name is a column."""
    if column in values:
        return values[column]
    found: Any = values
    for part in column.split("."):
        if not isinstance(found, Mapping) or part not in found:
            return None
        found = found[part]
    return found


@dataclass(frozen=True, slots=True)
class Tidy:
    """Text that can be stored; `changed` when more than its line ends and outer spaces differ from what was given."""

    text: str
    changed: bool


def tidy(text: str, *, one_line: bool) -> Tidy:
    """Take out control characters and broken surrogates, keep paragraphs; a heading becomes one line."""
    broken = BREAKS.sub("\n", text)
    clean = CONTROL.sub(" ", broken)
    changed = clean != broken
    if one_line:
        clean = SPACES.sub(" ", clean)
    return Tidy(clean.strip(), changed)


def _pair(item: str, option: str, example: str) -> tuple[str, str]:
    target, equals, value = item.partition("=")
    if not equals or not value:
        raise Misconfigured(f"{option} {item}: expected TARGET=VALUE, such as {option} {example}.")
    named = target.startswith(ATTRIBUTES) and len(target) > len(ATTRIBUTES)
    if target not in TARGETS and not named:
        raise Misconfigured(f"{option} {item}: no field {target}. Fields are {', '.join(TARGETS)} and attributes.NAME.")
    return target, value


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise Misconfigured(f"--timezone {name}: expected an IANA name such as Asia/Jakarta.") from None


def _value(plan: Plan, row: SourceRow, target: str) -> str | None:
    column = plan.columns.get(target)
    found = pick(row.values, column) if column else None
    if found is not None and str(found).strip():
        return found if isinstance(found, str) else _spoken(found)
    template = plan.constants.get(target)
    return None if template is None else PLACEHOLDER.sub(lambda match: _filled(row, match[1], target), template)


def _filled(row: SourceRow, column: str, target: str) -> str:
    found = row.line if column == "line" and "line" not in row.values else pick(row.values, column)
    if found is None or not str(found).strip():
        raise Rejected(f"{target}: the column {column}, which its template needs, is empty")
    return str(found)


def _spoken(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, (dict, list)) else str(value)


def _shaped(target: str, text: str, plan: Plan) -> str:
    if target == "channel":
        return text.lower()
    return _instant(text, plan.zone) if target == "received_at" else text


def _instant(text: str, zone: tzinfo) -> str:
    """A date means its first moment, in `zone` where no offset is given; what is no time is for intake to refuse."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return text
    return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).isoformat()


def _put(form: dict[str, Any], target: str, text: str) -> None:
    room, _, name = target.partition(".")
    if name:
        form.setdefault(room, {})[name] = text
    else:
        form[target] = text
