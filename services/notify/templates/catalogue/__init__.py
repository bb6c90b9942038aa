"""Words, one file a language, as TOML. Read once; every language must have every word that English has."""

import tomllib
from functools import cache
from pathlib import Path
from typing import Any, Final

from services.notify.domain.languages import SUPPORTED, supported_language

FALLBACK: Final = "en"
_FOLDER: Final = Path(__file__).parent


@cache
def load_catalogue(language: str) -> dict[str, str]:
    """All words of one language as `section.key`."""
    return _flat(tomllib.loads(_source(language)))


@cache
def _source(language: str) -> str:
    return (_FOLDER / f"{language}.toml").read_text(encoding="utf-8")


def read_source(language: str) -> bytes:
    """The file as it is, for the version of what was sent."""
    return _source(language).encode()


def _flat(tree: dict[str, Any]) -> dict[str, str]:
    return {
        f"{section}.{key}": text
        for section, entries in tree.items()
        if isinstance(entries, dict)
        for key, text in entries.items()
    }


def catalogue_language(tag: str) -> str:
    """The language a letter is written in as a whole: the wish if we speak it, else English; never a mixture."""
    found = supported_language(tag)
    return found if found in SUPPORTED else FALLBACK
