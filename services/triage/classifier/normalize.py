"""One plain form of a text, in which words of the rulebook are looked for."""

import unicodedata

_CYRILLIC = "абвгдђежзијклмнопрстћуфхцчш"
_LATIN = "abvgddezzijklmnoprstcufhccs"
_SPECIAL = {"љ": "lj", "њ": "nj", "џ": "dz", "đ": "d", "ı": "i", "ø": "o", "æ": "ae", "ł": "l", "œ": "oe"}
_DROPPED = "'’‘ʼ`´"
_STOPS = ".!?;:。…\n"


class _Plain(dict[int, str]):
    """What each character becomes; decided once, when it is first met."""

    def __missing__(self, code: int) -> str:
        self[code] = became = _became(chr(code))
        return became


def _became(character: str) -> str:
    if character in _STOPS:
        return "."
    if character in _DROPPED or unicodedata.category(character) in {"Mn", "Cf"}:
        return ""
    return character if character.isalnum() else " "


_TABLE = _Plain({ord(a): b for a, b in zip(_CYRILLIC, _LATIN, strict=True)} | {ord(a): b for a, b in _SPECIAL.items()})


def plain(text: str, *, marks: bool = False) -> str:
    """Lower case without marks, punctuation or apostrophes; Serbian Cyrillic in Latin; ` . ` where a sentence ends.

    Marks go because people leave them out when typing, unless `marks` says that they carry the meaning. One space
    stands between words and none at the ends.
    """
    if not text.isascii():
        text = unicodedata.normalize("NFKC" if marks else "NFKD", text)
    # Characters to characters first (a fast path of str.translate), then room around the stops.
    text = text.casefold().translate(_TABLE).replace(".", " . ")
    while "  " in text:  # only spaces are left between words; half the cost of split and join
        text = text.replace("  ", " ")
    return text.strip(" ")
