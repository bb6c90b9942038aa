"""Words that one of the Latin-script languages uses all the time, and the others here hardly ever.

Three of them, all of one language, settle it far cheaper than a model does. Left out on purpose: what two of them share
("da", "i", "for", "her", "dan", "to", "var", "vi", "bu" stand in several) and what is also a name ("Ali").
"""

from collections.abc import Collection, Mapping
from typing import Final

HITS_MIN = 3  # fewer are left to the model: a quoted line or a product's name can hold two

_WORDS: Final[Mapping[str, str]] = {
    "en": "the and is was were are have has had my your you they this that with not but from been would could what "
    "when which there it's i'm don't didn't we our it of",
    "id": "yang saya tidak sudah untuk dengan dari ini itu ada tapi juga belum karena bisa akan kami anda sampai "
    "telah lagi malah padahal setelah kalau hanya dalam oleh atau",
    "vi": "tôi không của và đã được cho bị này người là các những nhưng với đến chưa khi",
    "nb": "jeg ikke og det har på som av ble og dere meg å være hadde eller også etter skulle noe uten",
    "sr": "je nije sam sa što koji koja već kada kako bez nisu nisam nakon posle pre zbog ništa li sve",
    "tr": "bir ve için çok değil olarak gibi daha sonra bana benim kadar hiç olan ki ile hala",
}
LATIN_ELSEWHERE = frozenset({"zh"})  # configured languages that no Latin text is in


def frequent_words(languages: Collection[str]) -> Mapping[str, str]:
    """Language by word, for words of exactly one of `languages`.

    Empty if one of them has no list above: its own words could look like another's ("was" is German, too).
    """
    if not set(languages) - LATIN_ELSEWHERE <= set(_WORDS):
        return {}
    owners: dict[str, set[str]] = {}
    for language, words in _WORDS.items():
        for word in words.split():
            owners.setdefault(word, set()).add(language)
    return {word: next(iter(owner)) for word, owner in owners.items() if len(owner) == 1 and owner <= set(languages)}


def told_by(words: Mapping[str, str], text: str) -> str | None:
    """The value in `words` of the frequent words in there, if all have the same one; None where that is not clear."""
    hits = [words[word] for word in text.lower().split() if word in words]
    return hits[0] if len(hits) >= HITS_MIN and hits.count(hits[0]) == len(hits) else None
