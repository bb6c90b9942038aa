"""Which language a person is written to in: the first of their wishes that we speak.

Tags are BCP 47. Serbian without a script is Cyrillic, Chinese is told apart by script or region, Norwegian is Bokmål.
"""

from collections.abc import Iterable
from functools import lru_cache
from typing import Final

SUPPORTED: Final = ("en", "id", "vi", "zh-Hans", "zh-Hant", "sr-Cyrl", "sr-Latn", "nb")
_ALIASES: Final = {"in": "id", "no": "nb", "nn": "nb", "sh": "sr-Latn", "hr": "sr-Latn", "bs": "sr-Latn"}
_TRADITIONAL: Final = frozenset({"hant", "tw", "hk", "mo"})


@lru_cache(maxsize=1024)
def supported_language(tag: str) -> str | None:
    """The catalogue for a tag: `zh-TW` gives `zh-Hant`, `no` gives `nb`; None for a language we do not speak."""
    parts = tag.replace("_", "-").split("-")
    language, rest = parts[0].lower(), {part.lower() for part in parts[1:]}
    if language == "zh":
        return "zh-Hant" if rest & _TRADITIONAL and "hans" not in rest else "zh-Hans"
    if language == "sr":
        return "sr-Latn" if "latn" in rest else "sr-Cyrl"
    found = _ALIASES.get(language, language)
    return found if found in SUPPORTED else None


def choose_locale(wishes: Iterable[str | None], default: str) -> str:
    """The first wish we can fulfil, with its region; otherwise the organisation's default, never a mixture."""
    return next((wish for wish in wishes if wish and supported_language(wish)), default)
