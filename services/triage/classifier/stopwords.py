"""Stop words: words that are frequent in one Latin-script language and rare in the others of this list.

Three stop words of one language decide the language, at a tenth of the cost of the model. The list omits words that
occur in several languages ("da", "i", "for", "her", "dan", "to", "var", "vi", "bu") and words that are names ("Ali").
"""

from collections.abc import Collection, Mapping
from typing import Final

HITS_MIN = 3  # with fewer the model decides: a quotation or the name of a product can contain two

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
NOT_LATIN = frozenset({"zh"})  # languages that are never written in Latin letters


def index_stopwords(languages: Collection[str]) -> Mapping[str, str]:
    """Return the language of each stop word, for words that belong to exactly one of `languages`.

    Empty if a language has no list above: its words could be taken for those of another ("was" is also German).
    """
    if not set(languages) - NOT_LATIN <= set(_WORDS):
        return {}
    owners: dict[str, set[str]] = {}
    for language, words in _WORDS.items():
        for word in words.split():
            owners.setdefault(word, set()).add(language)
    return {word: next(iter(owner)) for word, owner in owners.items() if len(owner) == 1 and owner <= set(languages)}


def language_by_stopwords(words: Mapping[str, str], text: str) -> str | None:
    """Return the value that `words` has for the stop words of the text, or None if they are too few or differ."""
    hits = [words[word] for word in text.lower().split() if word in words]
    return hits[0] if len(hits) >= HITS_MIN and hits.count(hits[0]) == len(hits) else None
