"""Normalization of a text before the terms of the rulebook are searched in it."""

import unicodedata

_CYRILLIC = "абвгдђежзијклмнопрстћуфхцчш"
_LATIN = "abvgddezzijklmnoprstcufhccs"
_SPECIAL = {"љ": "lj", "њ": "nj", "џ": "dz", "đ": "d", "ı": "i", "ø": "o", "æ": "ae", "ł": "l", "œ": "oe"}
_DROPPED = "'’‘ʼ`´"
_STOPS = ".!?;:。…\n"


class _CharacterTable(dict[int, str]):
    """Replacement of each character by code point, for `str.translate`; computed when a character first occurs."""

    def __missing__(self, code: int) -> str:
        self[code] = replacement = _replacement(chr(code))
        return replacement


def _replacement(character: str) -> str:
    if character in _STOPS:
        return "."
    if character in _DROPPED or unicodedata.category(character) in {"Mn", "Cf"}:
        return ""
    return character if character.isalnum() else " "


_TABLE = _CharacterTable(
    {ord(a): b for a, b in zip(_CYRILLIC, _LATIN, strict=True)} | {ord(a): b for a, b in _SPECIAL.items()}
)


def normalize(text: str, *, marks: bool = False) -> str:
    """Return the text in lower case, without punctuation and apostrophes, and with ` . ` where a sentence ends.

    Serbian Cyrillic is written in Latin letters. Accents are removed, because people often leave them out when typing;
    `marks` keeps them for languages in which they make other words. Words are separated by one space.
    """
    if not text.isascii():
        text = unicodedata.normalize("NFKC" if marks else "NFKD", text)
    # `str.translate` is fastest when it maps one character to one, so the spaces around stops are added afterwards.
    text = text.casefold().translate(_TABLE).replace(".", " . ")
    while "  " in text:  # half the cost of split and join
        text = text.replace("  ", " ")
    return text.strip(" ")
