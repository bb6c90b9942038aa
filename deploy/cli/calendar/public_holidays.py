"""Public holidays as the `holidays` library tells them, copied into a calendar and remembered with where they are from.

A look-up at run time would let an update of the library move deadlines that were promised already. So the dates are
copied once, each with its name and a source that says which edition of the library said so, for which place, kind and
language. What a newer edition says differently is a proposal: somebody reads it, and it becomes the next version.
"""

from collections.abc import Iterable
from functools import partial
from importlib.metadata import version
from typing import Any, NamedTuple

from services.sla.calendar.horizon import FIRST_YEAR, LAST_YEAR
from services.sla.calendar.model import Calendar, Holiday
from shared.errors import Rejected

LIBRARY = "holidays"


class HolidayQuery(NamedTuple):
    """Which holidays: ISO 3166 country and subdivision, years, and the library's own categories and language codes."""

    country: str
    years: tuple[int, ...]
    subdivision: str | None = None
    categories: tuple[str, ...] = ("public",)
    language: str | None = None

    @property
    def words(self) -> str:
        """Place, categories and language as they stand in a source; the years stand in the dates."""
        place = self.country + (f"-{self.subdivision}" if self.subdivision else "")
        return "; ".join((place, ", ".join(self.categories), self.language or ""))


class HolidayChanges(NamedTuple):
    """What the installed library says differently from what a calendar holds; renamed are pairs of held and new."""

    added: tuple[Holiday, ...]
    removed: tuple[Holiday, ...]
    renamed: tuple[tuple[Holiday, Holiday], ...]

    @property
    def is_empty(self) -> bool:
        """Whether the calendar holds just what the library says."""
        return not any(self)


def snapshot(asked: HolidayQuery) -> tuple[Holiday, ...]:
    """Copies of these holidays, in the order of their dates. Raises `Rejected` for what the library does not know.

    A year without any is refused too: it means that the library knows nothing about it, not that nobody rests.
    """
    import holidays  # noqa: PLC0415  # a third of a second that only those pay who ask

    asked = _known(asked)
    make = partial(holidays.country_holidays, asked.country, expand=False, subdiv=asked.subdivision)
    edition = f"{LIBRARY} {version(LIBRARY)}"
    found: dict[Any, str] = {}
    for year in asked.years:
        of_year = dict(make(years=year, categories=asked.categories, language=asked.language))
        if not of_year:
            raise Rejected(f"{edition} knows no holidays of {asked.words} in {year}")
        found |= of_year
    source = f"{edition}; {asked.words}"
    return tuple(Holiday(on=day.isoformat(), name=name, source=source) for day, name in sorted(found.items()))


def asked_in(held: Iterable[Holiday]) -> list[HolidayQuery]:
    """The questions whose answers these holidays are, read from their sources; other origins are passed over."""
    years: dict[tuple[str, ...], set[int]] = {}
    for holiday in held:
        parts = tuple(holiday.source.split("; "))
        if parts[0].startswith(f"{LIBRARY} ") and len(parts) == 4 and holiday.on[0] != "*":
            years.setdefault(parts[1:], set()).add(int(holiday.on[:4]))
    found = []
    for (place, categories, language), of_place in years.items():
        country, _, subdivision = place.partition("-")
        every = tuple(sorted(of_place))
        found.append(HolidayQuery(country, every, subdivision or None, tuple(categories.split(", ")), language or None))
    return found


def propose(held: Iterable[Holiday], asked: HolidayQuery) -> HolidayChanges:
    """How what is held differs from what the library says now. Raises as `snapshot` does.

    Only what came from the same question can be removed or renamed, whatever the edition. A date that somebody wrote
    by hand stays as it is, and is not proposed a second time.
    """
    held = tuple(held)
    asked = _known(asked)
    now = {one.on: one for one in snapshot(asked)}
    taken = {one.on for one in held}
    ours = [one for one in held if _is_answer(one, asked)]
    return HolidayChanges(
        added=tuple(one for on, one in now.items() if on not in taken),
        removed=tuple(one for one in ours if one.on not in now),
        renamed=tuple((one, now[one.on]) for one in ours if one.on in now and one.name != now[one.on].name),
    )


def revised(calendar: Calendar, proposal: HolidayChanges) -> Calendar:
    """The next version of a calendar, with the proposal taken; replacement hours of a renamed holiday stay."""
    renamed = {held.on: new for held, new in proposal.renamed}
    gone = {one.on for one in proposal.removed}
    kept = [
        one.model_copy(update={"name": renamed[one.on].name, "source": renamed[one.on].source})
        if one.on in renamed
        else one
        for one in calendar.holidays
        if one.on not in gone
    ]
    holidays = tuple(sorted([*kept, *proposal.added], key=lambda one: one.on))
    changed = calendar.model_dump() | {"version": calendar.version + 1, "holidays": holidays}
    return Calendar.model_validate(changed)


def _is_answer(holiday: Holiday, asked: HolidayQuery) -> bool:
    library, _, words = holiday.source.partition("; ")
    of_library = library.startswith(f"{LIBRARY} ") and words == asked.words
    return of_library and holiday.on[0] != "*" and int(holiday.on[:4]) in asked.years


def _known(asked: HolidayQuery) -> HolidayQuery:
    """The question with codes as the library writes them, and its language stated: else it would be the machine's."""
    import holidays  # noqa: PLC0415  # as above

    try:
        entity = holidays.country_holidays(asked.country.upper())
    except NotImplementedError:
        raise Rejected(f"unknown country {asked.country!r}; expected an ISO 3166-1 code such as 'GB' or 'BR'") from None
    aliases = {alias.lower(): code for alias, code in getattr(entity, "subdivisions_aliases", {}).items()}
    aliases |= {code.lower(): code for code in entity.subdivisions}
    subdivision = asked.subdivision and aliases.get(asked.subdivision.lower())
    if asked.subdivision and not subdivision:
        raise _not_among("subdivision", asked.subdivision, entity.subdivisions)
    for category in asked.categories or ("",):
        if category not in entity.supported_categories:
            raise _not_among("category", category, entity.supported_categories)
    language = asked.language or entity.default_language
    if asked.language and asked.language not in entity.supported_languages:
        raise _not_among("language", asked.language, entity.supported_languages)
    if not asked.years or min(asked.years) < FIRST_YEAR or max(asked.years) > LAST_YEAR:
        raise Rejected(f"expected years from {FIRST_YEAR} to {LAST_YEAR} such as 2026, got {list(asked.years)}")
    years = tuple(sorted(set(asked.years)))
    return HolidayQuery(asked.country.upper(), years, subdivision or None, tuple(asked.categories), language)


def _not_among(what: str, given: str, known: Iterable[str]) -> Rejected:
    return Rejected(f"unknown {what} {given!r}; expected one of {', '.join(known) or 'none: this country has none'}")
