"""Load rulebook documents. A document that could leave a complaint without a due time is refused."""

import json
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from services.sla.calendar import Calendar, Compiled, parse_calendar
from services.sla.calendar.document import SECTIONS, EntryT, parse_entry, read_section, require_known_sections
from services.sla.policies.feasibility import refuse_never_due
from services.sla.policies.model import Policy
from services.sla.policies.pack import Pack
from services.sla.policies.reachability import require_reachable
from services.sla.policies.rulebook import Key, Mode, Revision, Rulebook
from shared.errors import Misconfigured, Rejected

STANDARD = Path(__file__).with_name("standard.toml")
PACKS = Path(__file__).with_name("packs")
Data = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Document:
    """Rulebook document with the data of its publication."""

    data: Data
    number: int = 1
    mode: Mode = "new_only"
    reason: str = ""
    actor: str = ""
    at: datetime | None = None


def read_file(path: Path | None, packs: Sequence[str] = ()) -> dict[str, Any]:
    """Read a rulebook file, or the standard one, and add the named regulator packs.

    Raises `Misconfigured` with the file and what is wrong with it.
    """
    data = _toml(path or STANDARD)
    for name in packs:
        source = PACKS / f"{name}.toml"
        if not source.exists():
            raise Misconfigured(f"packs: expected names out of {', '.join(shipped_packs())}, got {name!r}")
        _add(data, _toml(source), (path or STANDARD).name)
    return data


def _add(data: dict[str, Any], pack: Data, file: str) -> None:
    """Add the entries of a pack that the file does not contain. Other mistakes of the file are reported later."""
    for section in SECTIONS:
        try:
            entries = read_section(data, section)
        except Rejected as error:
            raise Misconfigured(f"policies: {file}: {error.detail}") from None
        keys = [(entry.get("id"), entry.get("version")) for entry in entries]  # unchecked, so maybe not hashable
        added = [entry for entry in read_section(pack, section) if (entry.get("id"), entry.get("version")) not in keys]
        data[section] = [*entries, *added]


def shipped_packs() -> list[str]:
    """Return the names of the regulator packs that are part of Redress."""
    return sorted(path.stem for path in PACKS.glob("*.toml"))


def load_rulebook(path: Path | None, *, around: date, packs: Sequence[str] = ()) -> Rulebook:
    """Load the rulebook of one file; its calendars are compiled around a day. Raises `Misconfigured`."""
    try:
        return parse_rulebook(read_file(path, packs), around=around)
    except Rejected as error:
        raise Misconfigured(f"policies: {(path or STANDARD).name}: {error.detail}") from None


def parse_rulebook(data: Data, *, around: date) -> Rulebook:
    """Build the rulebook of one document. Raises `Rejected` with the field that is wrong."""
    return build_rulebook([Document(data)], around=around)


def build_rulebook(documents: Iterable[Document], *, around: date, previous: Rulebook | None = None) -> Rulebook:
    """Build the rulebook of all published documents, the oldest first. Raises `Rejected`.

    Calendars that are compiled in `previous` are taken from it.
    """
    revisions: dict[int, Revision] = {}
    calendars: dict[Key, Calendar] = {}
    policies: dict[Key, Policy] = {}
    packs: dict[Key, Pack] = {}
    for document in documents:
        revision = _revision(document, calendars, policies, packs)
        revisions[revision.number] = revision
    compiled = {key: _compile(key, calendar, around, previous) for key, calendar in calendars.items()}
    return Rulebook(revisions, policies, packs, compiled)


def _compile(key: Key, calendar: Calendar, around: date, previous: Rulebook | None) -> Compiled:
    compiled = previous.calendars.get(key) if previous else None
    return compiled if compiled is not None and compiled.calendar == calendar else Compiled(calendar, around=around)


def _revision(
    document: Document, calendars: dict[Key, Calendar], policies: dict[Key, Policy], packs: dict[Key, Pack]
) -> Revision:
    data = require_known_sections(document.data)
    of_calendars = _register([parse_calendar(entry) for entry in read_section(data, "calendar")], calendars)
    of_policies = _register([parse_entry(Policy, entry) for entry in read_section(data, "policy")], policies)
    of_packs = _register([parse_entry(Pack, entry) for entry in read_section(data, "pack")], packs)
    newest = {calendar.id: calendar for calendar in _newest(of_calendars)}
    sources: list[Policy | Pack] = [*of_policies, *of_packs]
    for source in sources:
        _check_calendars(source, newest)
    versions = {name: calendar.version for name, calendar in newest.items()}
    current = require_reachable(_newest(of_policies)), _newest(of_packs), versions
    return Revision(document.number, *current, document.mode, document.reason, document.actor, document.at)


def _register(entries: Sequence[EntryT], published: dict[Key, EntryT]) -> list[EntryT]:
    """Add the entries of one document to the published ones, and return them.

    Raises `Rejected` if a version was published before with other contents.
    """
    registered: dict[Key, EntryT] = {}
    for entry in entries:
        key, name = (entry.id, entry.version), f"{entry.section} {entry.id!r}"
        if key in registered:
            raise Rejected(f"{name} is listed twice with version {entry.version}; a change is a new version")
        before = published.setdefault(key, entry)
        if before is not entry and before.model_dump(mode="json") != entry.model_dump(mode="json"):
            raise Rejected(
                f"{name} version {entry.version} was published with other contents; "
                f"a change is a new version, such as {entry.version + 1}"
            )
        registered[key] = before
    return list(registered.values())


def _check_calendars(source: Policy | Pack, newest: Mapping[str, Calendar]) -> None:
    for name in (source.calendar, *(rule.calendar for rule in source.clocks)):
        if name is not None and name not in newest:
            expected = f"expected one of {sorted(newest)}"
            raise Rejected(f"{source.section} {source.id!r}: unknown calendar {name!r}; {expected}")
    refuse_never_due(source, newest)


def _newest(entries: Sequence[EntryT]) -> tuple[EntryT, ...]:
    """Return the newest version of each entry, in the order in which their ids first appear."""
    newest: dict[str, EntryT] = {}
    for entry in entries:
        if entry.id not in newest or entry.version > newest[entry.id].version:
            newest[entry.id] = entry
    return tuple(newest.values())


def canonical_json(data: Data) -> str:
    """Format a document so that equal documents have equal texts."""
    return json.dumps(data, sort_keys=True, default=str, ensure_ascii=False, separators=(",", ":"))


def _toml(source: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(source.read_text("utf-8"))
    except OSError as error:
        raise Misconfigured(f"policies: cannot read {source}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Misconfigured(f"policies: {source.name} is not TOML: {error}") from None
