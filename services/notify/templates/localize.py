"""Localization for one recipient: sentences, dates and amounts of money in their language and time zone."""

from datetime import UTC, datetime, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_time, get_timezone_name
from babel.numbers import format_currency

from services.notify.templates.catalogue import catalogue_language, load_catalogue
from shared.contracts.events import Redress
from shared.errors import Misconfigured

_CLDR = {"zh-Hans": "zh_Hans_CN", "zh-Hant": "zh_Hant_TW", "sr-Cyrl": "sr_Cyrl_RS", "sr-Latn": "sr_Latn_RS"}
TIMES_CACHED = 8192  # formatted times; under load many messages have times in the same minute


class Localizer:
    """Sentences and formats for one language tag and one time zone."""

    def __init__(self, tag: str, timezone: str | None, default_timezone: str = "UTC") -> None:
        self.language = catalogue_language(tag)
        self.locale = cldr_locale(tag, self.language)
        self.zone = load_timezone(timezone) or load_timezone(default_timezone) or UTC
        self._catalogue = load_catalogue(self.language)
        self._cldr = str(self.locale)  # needed for each date, and slow to compute

    def sentence(self, key: str, **values: str) -> str:
        """Return the sentence with its placeholders filled. Raises `Misconfigured` if the catalogue has no such key."""
        try:
            return self._catalogue[key].format(**values)
        except KeyError:
            raise Misconfigured(f"catalogue {self.language}: expected {key} and its placeholders") from None

    def label(self, section: str, code: str | tuple[str, ...] | None) -> str | None:
        """Return the title of a code, or None. Of a path of codes, the last one with a title counts."""
        for part in (code,) if isinstance(code, str) else reversed(code or ()):
            title = self._catalogue.get(f"{section}.{_last_segment(part)}")
            if title is not None:
                return title
        return None

    def format_time(self, instant: datetime | None) -> str | None:
        """Return weekday, date, time and zone in the format of the language; None for None."""
        if instant is None:
            return None
        return _format_local_time(instant.replace(second=0, microsecond=0), self.zone, self._cldr)

    def format_redress(self, redress: Redress) -> str:
        """Return one item of redress as text, with its amount of money if it has one."""
        name = self.sentence(f"redress.{redress.kind}")
        if redress.amount is None or redress.currency is None:
            return name
        return f"{name}: {format_currency(redress.amount, redress.currency, locale=self.locale)}"


@lru_cache(maxsize=1024)
def get_localizer(tag: str, timezone: str | None, default_timezone: str) -> Localizer:
    """Return the localizer for a language and a time zone; all their messages share it."""
    return Localizer(tag, timezone, default_timezone)


@lru_cache(maxsize=TIMES_CACHED)
def _format_local_time(instant: datetime, zone: tzinfo, locale: str) -> str:
    """Format as in `Thursday, 26 November 2026, 17:00 (Western Indonesia Time)`, in standard or daylight time."""
    local = instant.astimezone(zone)
    date = format_date(local, "full", locale=locale)
    time = format_time(local, "short", locale=locale)
    return f"{date}, {time} ({get_timezone_name(local, width='long', locale=locale)})"


@lru_cache(maxsize=1024)
def cldr_locale(tag: str, language: str) -> Locale:
    """Return the CLDR locale in the language of the catalogue, with the region of the tag if CLDR has it."""
    region = next((part for part in tag.replace("_", "-").split("-")[1:] if len(part) == 2 and part.isalpha()), None)
    plain = Locale.parse(_CLDR.get(language, language))
    if region is None or not language.startswith(tag.replace("_", "-").split("-")[0].lower()):
        return plain
    try:
        return Locale(plain.language, territory=region.upper(), script=plain.script)
    except UnknownLocaleError:
        return plain


@lru_cache(maxsize=1024)
def load_timezone(name: str | None) -> tzinfo | None:
    """Return the time zone with the IANA name, or None if there is none."""
    try:
        return ZoneInfo(name) if name else None
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def _last_segment(code: str) -> str:
    return code.rpartition(".")[2].rpartition("/")[2]
