"""Rulebook documents: lists of entries by section, from a file or from HTTP, and the validation of one entry."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, ClassVar, Final, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from shared.errors import Rejected

Section = Literal["calendar", "policy", "pack"]
SECTIONS: Final[tuple[Section, ...]] = ("calendar", "policy", "pack")
ENTRIES_MAX = 500  # of one section of a document received over HTTP; each calendar is compiled to check it


class DocumentModel(BaseModel):
    """Base of all parts of a document: immutable, and an unknown field is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class DocumentEntry(DocumentModel):
    """Base of calendars, policies and packs: one immutable version; a change is a new version."""

    section: ClassVar[Section]
    id: str = Field(min_length=1)
    version: int = Field(ge=1)


EntryT = TypeVar("EntryT", bound=DocumentEntry)


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


def parse_entry(model: type[EntryT], entry: Mapping[str, Any], context: dict[str, bool] | None = None) -> EntryT:
    """Validate one entry. Raises `Rejected` with the field, what is wrong and what is accepted."""
    try:
        return model.model_validate(dict(entry), context=context)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        reason = first["msg"].removeprefix("Value error, ")
        if first["type"] == "extra_forbidden":
            reason = f"there is no such field; expected {_fields(model, first['loc'])}"
        raise Rejected(f"{model.section} {entry.get('id', '?')!r}: {where + ': ' if where else ''}{reason}") from None


def _fields(model: type[BaseModel], where: tuple[int | str, ...]) -> str:
    """Return the accepted fields at that place of a document."""
    for part in where[:-1]:
        if isinstance(part, str) and part in model.model_fields:
            model = next(_models(model.model_fields[part].annotation), model)
    return ", ".join(model.model_fields)


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in getattr(annotation, "__args__", ()):
        yield from _models(inner)


def refuse_repeated(field: str, names: Iterable[str]) -> None:
    """Raise `ValueError` with the first name that is listed twice."""
    repeated = next((name for name, times in Counter(names).items() if times > 1), None)
    if repeated:
        raise ValueError(f"{field}: {repeated} is listed twice; expected it once")
