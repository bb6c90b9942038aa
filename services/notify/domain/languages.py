"""Choice of the language of a message: the first of the customer's languages that is supported.

Tags are BCP 47. Serbian without a script is Cyrillic. The script of Chinese follows from script or region. Norwegian is
Bokmål.
"""

from collections.abc import Iterable
from functools import lru_cache
from typing import Final

SUPPORTED: Final = ("en", "id", "vi", "zh-Hans", "zh-Hant", "sr-Cyrl", "sr-Latn", "nb")
_ALIASES: Final = {"in": "id", "no": "nb", "nn": "nb", "sh": "sr-Latn", "hr": "sr-Latn", "bs": "sr-Latn"}
_TRADITIONAL: Final = frozenset({"hant", "tw", "hk", "mo"})


@lru_cache(maxsize=1024)
def supported_language(tag: str) -> str | None:
    """Return the supported language for a tag: `zh-TW` gives `zh-Hant`, `no` gives `nb`. None if there is none."""
    language, *rest = (part.lower() for part in tag.replace("_", "-").split("-"))
    subtags = set(rest)
    if language == "zh":
        return "zh-Hant" if subtags & _TRADITIONAL and "hans" not in subtags else "zh-Hans"
    if language == "sr":
        return "sr-Latn" if "latn" in subtags else "sr-Cyrl"
    language = _ALIASES.get(language, language)
    return language if language in SUPPORTED else None


def choose_locale(preferred: Iterable[str | None], default: str) -> str:
    """Return the first preferred tag with a supported language, including its region; else `default`."""
    return next((tag for tag in preferred if tag and supported_language(tag)), default)
