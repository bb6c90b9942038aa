"""Catalogues: the sentences of messages, one TOML file per language. Every language has the same keys as English."""

import tomllib
from functools import cache
from pathlib import Path
from typing import Any, Final

from services.notify.domain.languages import SUPPORTED, supported_language

FALLBACK: Final = "en"
_FOLDER: Final = Path(__file__).parent


@cache
def load_catalogue(language: str) -> dict[str, str]:
    """Return the sentences of a language by `section.key`. The file is read once."""
    return _flatten(tomllib.loads(_source(language)))


@cache
def _source(language: str) -> str:
    return (_FOLDER / f"{language}.toml").read_text(encoding="utf-8")


def read_source(language: str) -> bytes:
    """Return the bytes of the file, from which the version of a template is computed."""
    return _source(language).encode()


def _flatten(tree: dict[str, Any]) -> dict[str, str]:
    return {
        f"{section}.{key}": text
        for section, entries in tree.items()
        if isinstance(entries, dict)
        for key, text in entries.items()
    }


def catalogue_language(tag: str) -> str:
    """Return the language of a whole message: the language of the tag if it is supported, else English."""
    language = supported_language(tag)
    return language if language in SUPPORTED else FALLBACK
