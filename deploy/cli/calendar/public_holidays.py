"""Public holidays of the `holidays` library, copied into a calendar with their source.

A look-up at run time would let an update of the library move due times that are promised already. So the dates are
copied once, each with its name and a source: the version of the library, place, categories and language. Differences
in a newer version of the library are listed by `redress calendar check`; a person puts them into the next version of
the calendar.
"""

from collections.abc import Iterable
from functools import partial
from importlib.metadata import version
from typing import Any, NamedTuple

from services.sla.calendar.horizon import FIRST_YEAR, LAST_YEAR
from services.sla.calendar.model import Holiday
from shared.errors import Misconfigured, Rejected

LIBRARY = "holidays"


class HolidayQuery(NamedTuple):
    """Selection of holidays: ISO 3166 country and subdivision, years, categories and language of the library."""

    country: str
    years: tuple[int, ...]
    subdivision: str | None = None
    categories: tuple[str, ...] = ("public",)
    language: str | None = None

    @property
    def source_text(self) -> str:
        """Place, categories and language as in a source; the years are in the dates."""
        place = self.country + (f"-{self.subdivision}" if self.subdivision else "")
        return "; ".join((place, ", ".join(self.categories), self.language or ""))


class HolidayChanges(NamedTuple):
    """Differences between a calendar and the installed library; `renamed` contains pairs of old and new holiday."""

    added: tuple[Holiday, ...]
    removed: tuple[Holiday, ...]
    renamed: tuple[tuple[Holiday, Holiday], ...]


def copy_holidays(query: HolidayQuery) -> tuple[Holiday, ...]:
    """Return the holidays of the library in the order of their dates, each with its source.

    Raises `Rejected` for a query that the library does not support, and for a year without holidays, which means that
    the library has no data for it.
    """
    query = _validate(query)
    make = partial(_import_library().country_holidays, query.country, expand=False, subdiv=query.subdivision)
    edition = f"{LIBRARY} {version(LIBRARY)}"
    names: dict[Any, str] = {}
    for year in query.years:
        of_year = dict(make(years=year, categories=query.categories, language=query.language))
        if not of_year:
            raise Rejected(f"{edition} has no holidays of {query.source_text} in {year}")
        names |= of_year
    source = f"{edition}; {query.source_text}"
    return tuple(Holiday(on=day.isoformat(), name=name, source=source) for day, name in sorted(names.items()))


def queries_in(listed: Iterable[Holiday]) -> list[HolidayQuery]:
    """Return the queries from which these holidays were copied, by their sources; others are ignored."""
    years: dict[tuple[str, ...], set[int]] = {}
    for holiday in listed:
        parts = tuple(holiday.source.split("; "))
        if parts[0].startswith(f"{LIBRARY} ") and len(parts) == 4 and holiday.on[0] != "*":
            years.setdefault(parts[1:], set()).add(int(holiday.on[:4]))
    queries = []
    for (place, categories, language), of_place in years.items():
        country, _, subdivision = place.partition("-")
        of_query = (subdivision or None, tuple(categories.split(", ")), language or None)
        queries.append(HolidayQuery(country, tuple(sorted(of_place)), *of_query))
    return queries


def compare_with_library(listed: Iterable[Holiday], query: HolidayQuery) -> HolidayChanges:
    """Return the differences between listed holidays and the installed library. Raises as `copy_holidays` does.

    Only holidays that were copied by the same query, with any version of the library, can be removed or renamed. A
    date that was written by hand is kept, and is not reported as new.
    """
    listed = tuple(listed)
    query = _validate(query)
    current = {holiday.on: holiday for holiday in copy_holidays(query)}
    dates = {holiday.on for holiday in listed}
    copied = [holiday for holiday in listed if _is_copied(holiday, query)]
    return HolidayChanges(
        added=tuple(holiday for on, holiday in current.items() if on not in dates),
        removed=tuple(holiday for holiday in copied if holiday.on not in current),
        renamed=tuple((old, new) for old in copied if (new := current.get(old.on)) and old.name != new.name),
    )


def _is_copied(holiday: Holiday, query: HolidayQuery) -> bool:
    library, _, text = holiday.source.partition("; ")
    of_library = library.startswith(f"{LIBRARY} ") and text == query.source_text
    return of_library and holiday.on[0] != "*" and int(holiday.on[:4]) in query.years


def _import_library() -> Any:
    """Return the holiday library. Raises `Misconfigured` if it is not installed, as in the image of the services."""
    try:
        import holidays  # noqa: PLC0415  # importing it takes a third of a second
    except ImportError:
        raise Misconfigured(f"{LIBRARY}: expected the extra `cli` to be installed (redress[cli])") from None
    return holidays


def _validate(query: HolidayQuery) -> HolidayQuery:
    """Return the query with the codes of the library, and with a language: the default would depend on the machine."""
    holidays = _import_library()
    try:
        entity = holidays.country_holidays(query.country.upper())
    except NotImplementedError:
        raise Rejected(f"unknown country {query.country!r}; expected an ISO 3166-1 code such as 'GB' or 'BR'") from None
    aliases = {alias.lower(): code for alias, code in getattr(entity, "subdivisions_aliases", {}).items()}
    aliases |= {code.lower(): code for code in entity.subdivisions}
    subdivision = query.subdivision and aliases.get(query.subdivision.lower())
    if query.subdivision and not subdivision:
        raise _unknown("subdivision", query.subdivision, entity.subdivisions)
    for category in query.categories or ("",):
        if category not in entity.supported_categories:
            raise _unknown("category", category, entity.supported_categories)
    language = query.language or entity.default_language
    if query.language and query.language not in entity.supported_languages:
        raise _unknown("language", query.language, entity.supported_languages)
    if not query.years or min(query.years) < FIRST_YEAR or max(query.years) > LAST_YEAR:
        raise Rejected(f"expected years from {FIRST_YEAR} to {LAST_YEAR} such as 2026, got {list(query.years)}")
    years = tuple(sorted(set(query.years)))
    return HolidayQuery(query.country.upper(), years, subdivision or None, tuple(query.categories), language)


def _unknown(what: str, value: str, accepted: Iterable[str]) -> Rejected:
    return Rejected(f"unknown {what} {value!r}; expected one of {', '.join(accepted) or 'none: this country has none'}")
