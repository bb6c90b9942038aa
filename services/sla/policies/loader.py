"""Reads rulebook documents and refuses one that could leave a complaint without a date, or that says nothing new."""

import json
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from services.sla.calendar import Calendar, Compiled, calendar_from
from services.sla.policies.feasibility import refuse_never_due
from services.sla.policies.model import Policy
from services.sla.policies.pack import Pack
from services.sla.policies.reachability import matched
from services.sla.policies.rulebook import Key, Mode, Revision, Rulebook
from services.sla.policies.sections import SECTIONS, checked, entries
from shared.errors import Misconfigured, Rejected

STANDARD = Path(__file__).with_name("standard.toml")
PACKS = Path(__file__).with_name("packs")
M = TypeVar("M", bound=BaseModel)
Data = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Document:
    """A rulebook as it was published."""

    data: Data
    number: int = 1
    mode: Mode = "new_only"
    reason: str = ""
    actor: str = ""
    at: datetime | None = None


def read_file(path: Path | None, packs: Sequence[str] = ()) -> dict[str, Any]:
    """The plain data of that file, or of the one that ships with us, with the named regulator packs added.

    Raises `Misconfigured` with the file and what is wrong with it.
    """
    data = _toml(path or STANDARD)
    for name in packs:
        source = PACKS / f"{name}.toml"
        if not source.exists():
            raise Misconfigured(f"packs: expected some of {', '.join(known_packs())}, got {name!r}")
        _add(data, _toml(source), (path or STANDARD).name)
    return data


def _add(data: dict[str, Any], pack: Data, file: str) -> None:
    """What a pack brings that the file does not have; other mistakes of the file wait until it is checked."""
    for section in SECTIONS:
        try:
            listed = entries(data, section)
        except Rejected as error:
            raise Misconfigured(f"policies: {file}: {error.detail}") from None
        have = [(one.get("id"), one.get("version")) for one in listed]  # a list: what was written may not be hashable
        added = [one for one in entries(pack, section) if (one.get("id"), one.get("version")) not in have]
        data[section] = [*listed, *added]


def known_packs() -> list[str]:
    """The regulator packs that ship with us."""
    return sorted(path.stem for path in PACKS.glob("*.toml"))


def load_rulebook(path: Path | None, *, around: date, packs: Sequence[str] = ()) -> Rulebook:
    """The rulebook in that file alone. `around` is the day calendars are compiled about. Raises `Misconfigured`."""
    try:
        return rulebook_from(read_file(path, packs), around=around)
    except Rejected as error:
        raise Misconfigured(f"policies: {(path or STANDARD).name}: {error.detail}") from None


def rulebook_from(data: Data, *, around: date) -> Rulebook:
    """A checked rulebook of one document. Raises `Rejected`."""
    return rulebook_of([Document(data)], around=around)


def rulebook_of(documents: Iterable[Document], *, around: date, known: Rulebook | None = None) -> Rulebook:
    """A checked rulebook of everything that was published, oldest first. Raises `Rejected`.

    `known`: calendars that were compiled before are taken from it.
    """
    revisions: dict[int, Revision] = {}
    calendars: dict[Key, Calendar] = {}
    policies: dict[Key, Policy] = {}
    packs: dict[Key, Pack] = {}
    for document in documents:
        revision = _revision(document, calendars, policies, packs)
        revisions[revision.number] = revision
    compiled = {key: _compiled(key, one, around, known) for key, one in calendars.items()}
    return Rulebook(revisions, policies, packs, compiled)


def _compiled(key: Key, calendar: Calendar, around: date, known: Rulebook | None) -> Compiled:
    found = known.calendars.get(key) if known else None
    return found if found is not None and found.calendar == calendar else Compiled(calendar, around=around)


def _revision(
    document: Document, calendars: dict[Key, Calendar], policies: dict[Key, Policy], packs: dict[Key, Pack]
) -> Revision:
    data = checked(document.data)
    named = _adopt("calendar", [calendar_from(item) for item in entries(data, "calendar")], calendars)
    listed = _adopt("policy", [_read(Policy, "policy", item) for item in entries(data, "policy")], policies)
    applied = _adopt("pack", [_read(Pack, "pack", item) for item in entries(data, "pack")], packs)
    newest = {one.id: max(o.version for o in named if o.id == one.id) for one in named}
    _check_calendars([*listed, *applied], {name: calendars[name, version] for name, version in newest.items()})
    return Revision(
        document.number,
        matched(_newest(listed)),
        _newest(applied),
        newest,
        document.mode,
        document.reason,
        document.actor,
        document.at,
    )


E = TypeVar("E", Calendar, Policy, Pack)


def _adopt(what: str, items: Sequence[E], known: dict[Key, E]) -> list[E]:
    """The entries of one document; one that was published before must say the same again."""
    adopted: dict[Key, E] = {}
    for one in items:
        key = (one.id, one.version)
        if key in adopted:
            raise Rejected(f"{what} {one.id!r} is listed twice with version {one.version}; a change is a new version")
        before = known.setdefault(key, one)
        if before is not one and before.model_dump(mode="json") != one.model_dump(mode="json"):
            raise Rejected(
                f"{what} {one.id!r} version {one.version} was published with other contents; "
                f"a change is a new version, such as {one.version + 1}"
            )
        adopted[key] = before
    return list(adopted.values())


def _read(model: type[M], what: str, item: Data) -> M:
    try:
        return model.model_validate(dict(item))
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        reason = first["msg"].removeprefix("Value error, ")
        if first["type"] == "extra_forbidden":
            reason = f"there is no such field; expected {_fields(model, first['loc'])}"
        raise Rejected(f"{what} {item.get('id', '?')!r}: {where + ': ' if where else ''}{reason}") from None


def _fields(model: type[BaseModel], where: tuple[int | str, ...]) -> str:
    """The fields that could have been meant at that place."""
    for part in where[:-1]:
        if isinstance(part, str) and part in model.model_fields:
            inner = next(_models(model.model_fields[part].annotation), None)
            model = inner or model
    return ", ".join(model.model_fields)


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in getattr(annotation, "__args__", ()):
        yield from _models(inner)


def _check_calendars(sources: Sequence[Policy | Pack], newest: Mapping[str, Calendar]) -> None:
    for source in sources:
        for name in (source.calendar, *(rule.calendar for rule in source.clocks)):
            if name is not None and name not in newest:
                what = "pack" if isinstance(source, Pack) else "policy"
                raise Rejected(f"{what} {source.id!r}: unknown calendar {name!r}; expected one of {sorted(newest)}")
        refuse_never_due(source, newest)


V = TypeVar("V", Policy, Pack)


def _newest(listed: Sequence[V]) -> tuple[V, ...]:
    """The newest version of each, in the order in which their ids first appear."""
    latest: dict[str, V] = {}
    for one in listed:
        if one.id not in latest or one.version > latest[one.id].version:
            latest[one.id] = one
    return tuple(latest.values())


def canonical(data: Data) -> str:
    """One text for one document, however it was written."""
    return json.dumps(data, sort_keys=True, default=str, ensure_ascii=False, separators=(",", ":"))


def _toml(source: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(source.read_text("utf-8"))
    except OSError as error:
        raise Misconfigured(f"policies: cannot read {source}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Misconfigured(f"policies: {source.name} is not TOML: {error}") from None
