"""How one recipient is spoken to: their language, their calendar and clock, their way of writing money."""

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
MOMENTS_KEPT = 8192  # formatted instants remembered; under load many letters share their minutes


class Localizer:
    """The words and formats for one language tag and one time zone."""

    def __init__(self, tag: str, timezone: str | None, default_timezone: str = "UTC") -> None:
        self.language = catalogue_language(tag)
        self.locale = cldr_locale(tag, self.language)
        self.zone = load_timezone(timezone) or load_timezone(default_timezone) or UTC
        self._words = load_catalogue(self.language)
        self._cldr = str(self.locale)  # asked for with every date, and not quickly answered

    def say(self, key: str, **values: str) -> str:
        """The sentence, with its placeholders filled. A missing sentence is a mistake of ours and stops the letter."""
        try:
            return self._words[key].format(**values)
        except KeyError:
            raise Misconfigured(f"catalogue {self.language}: expected {key} and its placeholders") from None

    def label(self, section: str, code: str | tuple[str, ...] | None) -> str | None:
        """The word for a code, of a path the most special one that has a word; None when there is none."""
        for one in (code,) if isinstance(code, str) else reversed(code or ()):
            word = self._words.get(f"{section}.{_tail(one)}")
            if word is not None:
                return word
        return None

    def moment(self, instant: datetime | None) -> str | None:
        """Weekday, date, time and zone as people there write them; None for no instant."""
        if instant is None:
            return None
        return _moment(instant.replace(second=0, microsecond=0), self.zone, self._cldr)

    def offer(self, redress: Redress) -> str:
        """One thing we offer, with its amount where money is the remedy."""
        name = self.say(f"redress.{redress.kind}")
        if redress.amount is None or redress.currency is None:
            return name
        return f"{name}: {format_currency(redress.amount, redress.currency, locale=self.locale)}"


@lru_cache(maxsize=1024)
def get_localizer(tag: str, timezone: str | None, default_timezone: str) -> Localizer:
    """The same one for all who ask for the same language and live in the same zone."""
    return Localizer(tag, timezone, default_timezone)


@lru_cache(maxsize=MOMENTS_KEPT)
def _moment(instant: datetime, where: tzinfo, locale: str) -> str:
    """E.g. `Thursday, 26 November 2026, 17:00 (Western Indonesia Time)`; standard or daylight time as it applies."""
    local = instant.astimezone(where)
    date = format_date(local, "full", locale=locale)
    time = format_time(local, "short", locale=locale)
    return f"{date}, {time} ({get_timezone_name(local, width='long', locale=locale)})"


@lru_cache(maxsize=1024)
def cldr_locale(tag: str, language: str) -> Locale:
    """The CLDR locale for a tag: with its region where CLDR has it, always in the language of the words."""
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
    """The time zone of that IANA name; None when there is no such zone."""
    try:
        return ZoneInfo(name) if name else None
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def _tail(code: str) -> str:
    return code.rpartition(".")[2].rpartition("/")[2]
