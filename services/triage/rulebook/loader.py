"""Loader of the rulebook. A mistake in a data file stops the start with file, position and expected value."""

import tomllib
from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar

from pydantic import Field, TypeAdapter, ValidationError

from services.triage.rulebook.model import (
    OTHER,
    Category,
    Name,
    RulebookEntry,
    SeverityRules,
    Team,
    Term,
    TriageRulebook,
    Words,
)
from shared.contracts.events import Signal
from shared.errors import Misconfigured

DEFAULT_FOLDER = Path(__file__).parent


class Categories(RulebookEntry):
    """Content of categories.toml. `number` is the edition of the rulebook, raised by its editors."""

    number: int = Field(ge=1)
    categories: dict[Name, Category] = Field(min_length=2)


class Teams(RulebookEntry):
    """Content of teams.toml. `screening` is the team for complaints with a low confidence."""

    screening: Name
    teams: dict[Name, Team] = Field(min_length=1)


class CategoryWords(RulebookEntry):
    """Terms of one language for one category: strong terms, and weak ones under `words`."""

    strong: Words
    words: Words


class LexiconFile(RulebookEntry):
    """Content of a file words/LANGUAGE.toml."""

    language: str = Field(pattern="^[a-z]{2}(-[A-Z][a-z]{3})?$")
    negations: Words
    categories: dict[str, CategoryWords]
    signals: dict[Signal, tuple[str, ...]]


E = TypeVar("E", bound=RulebookEntry)


def load_rulebook(folder: Path = DEFAULT_FOLDER) -> TriageRulebook:
    """Load and check the rulebook in `folder`. Raises `Misconfigured`."""
    files = {name: _read_bytes(folder / name) for name in ("categories.toml", "teams.toml", "severity.toml")}
    files |= {f"words/{path.name}": path.read_bytes() for path in sorted((folder / "words").glob("*.toml"))}
    categories = _read(Categories, "categories.toml", files)
    teams = _read(Teams, "teams.toml", files)
    lexicons = {name: _read(LexiconFile, name, files) for name in files if name.startswith("words/")}
    _check_owners(categories, teams)
    _check_handlers(teams)
    _check_lexicons(lexicons, categories)
    groups: dict[str, frozenset[str]] = {}
    for lexicon in lexicons.values():
        group = lexicon.language.partition("-")[0]
        groups[group] = groups.get(group, frozenset()) | frozenset(lexicon.negations)
    return TriageRulebook(
        version=_version(categories.number, files),
        categories=categories.categories,
        teams=teams.teams,
        screening=teams.screening,
        severity=_read(SeverityRules, "severity.toml", files),
        terms=tuple(term for lexicon in lexicons.values() for term in _terms(lexicon)),
        negations=groups,
    )


def _read_bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise Misconfigured(f"rulebook: expected a file {path.name}, got {type(error).__name__}") from None


def _read(model: type[E], name: str, files: Mapping[str, bytes]) -> E:
    try:
        return TypeAdapter(model).validate_python(tomllib.loads(files[name].decode()))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Misconfigured(f"rulebook {name}: expected TOML in UTF-8, got {error}") from None
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        location = ".".join(str(part) for part in first["loc"])
        got = _shorten(first["input"])
        raise Misconfigured(f"rulebook {name}: {location}: expected: {first['msg']}; got {got}") from None


def _shorten(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _check_owners(categories: Categories, teams: Teams) -> None:
    names = ", ".join(teams.teams)
    for name, category in categories.categories.items():
        if category.team not in teams.teams:
            raise Misconfigured(
                f"rulebook categories.toml: categories.{name}.team: expected one of {names}; got {category.team}"
            )
    if teams.screening not in teams.teams:
        raise Misconfigured(f"rulebook teams.toml: screening: expected one of {names}; got {teams.screening}")
    if OTHER not in categories.categories:
        raise Misconfigured(f"rulebook categories.toml: expected a category {OTHER}, got none")
    languages = set(categories.categories[OTHER].titles)
    for name, category in categories.categories.items():
        if missing := languages - set(category.titles):
            raise Misconfigured(
                f"rulebook categories.toml: categories.{name}.titles: expected {', '.join(sorted(languages))}; "
                f"got none for {', '.join(sorted(missing))}"
            )


def _check_handlers(teams: Teams) -> None:
    seen: set[str] = set()
    for name, team in teams.teams.items():
        for id_ in (team.lead.id, *(handler.id for handler in team.handlers)):
            if id_ in seen:
                raise Misconfigured(f"rulebook teams.toml: teams.{name}: expected unique ids; got {id_} twice")
            seen.add(id_)


def _check_lexicons(lexicons: Mapping[str, LexiconFile], categories: Categories) -> None:
    if not lexicons:
        raise Misconfigured("rulebook: expected at least one file words/LANGUAGE.toml, got none")
    for name, lexicon in lexicons.items():
        if unknown := set(lexicon.categories) - set(categories.categories):
            names = ", ".join(categories.categories)
            raise Misconfigured(f"rulebook {name}: categories: expected some of {names}; got {min(unknown)}")
        for term in _terms(lexicon):
            stem = term.text.removesuffix("*")
            if "*" in stem or len(stem.strip()) < (1 if term.group == "zh" else 2):
                raise Misconfigured(
                    f"rulebook {name}: {term.target}: expected a word or phrase with * at its end only; "
                    f"got {_shorten(term.text)}"
                )


def _terms(lexicon: LexiconFile) -> Iterator[Term]:
    group = lexicon.language.partition("-")[0]
    for category, words in lexicon.categories.items():
        for strong, texts in ((True, words.strong), (False, words.words)):
            yield from (Term(text, group, category, strong=strong, is_signal=False) for text in texts)
    for signal, texts in lexicon.signals.items():
        yield from (Term(text, group, signal, strong=True, is_signal=True) for text in texts)


def _version(number: int, files: Mapping[str, bytes]) -> str:
    digest = sha256()
    for name in sorted(files):
        digest.update(name.encode() + b"\0" + files[name] + b"\0")
    return f"{number}-{digest.hexdigest()[:8]}"
