"""Detection of a text's language: by script, else by frequent words, else by the model of py3langid."""

import re
from collections.abc import Sequence
from typing import Any

from services.triage.classifier.chinese_script import is_traditional
from services.triage.classifier.stopwords import index_stopwords, language_by_stopwords
from shared.errors import Misconfigured

HEAD = 120  # characters that are read; six words are enough (99.7 % right), more only cost time
WORDS_MIN = 3  # in a shorter text the stated locale is more reliable than the model
SURE = 0.6  # below this probability the stated locale is more reliable than the model
_OLD_CODES = {"no": "nb", "nn": "nb", "in": "id"}
_MODEL_CODES = {"nb": "no"}
_HAN = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]")
_CYRILLIC = re.compile(r"[\u0400-\u04ff]")
_VIETNAMESE = re.compile(r"[\u1ea0-\u1ef9]")  # Latin letters with two marks, used by no other language
_LATIN = re.compile(r"[A-Za-z\u00c0-\u024f\u1e00-\u1eff]")
_SCRIPTS = ("Hant", "Hans", "Latn", "Cyrl")
_TRADITIONAL_REGIONS = {"TW", "HK", "MO"}


class Languages:
    """Detector that returns one of the configured `tags`, by default the first. Loads the model on first use."""

    def __init__(self, tags: Sequence[str]) -> None:
        if not tags:
            raise Misconfigured("languages: expected at least one BCP 47 tag, got none")
        self._tags = tuple(tags)
        self._codes = sorted({_MODEL_CODES.get(tag.partition("-")[0], tag.partition("-")[0]) for tag in tags})
        words = index_stopwords({tag.partition("-")[0] for tag in tags})
        self._stopwords = {word: self._tag(language, "Latn") or tags[0] for word, language in words.items()}
        self._model: Any = None

    def load(self) -> None:
        """Load the model (about 50 MB, 0.8 s), reduced to the configured languages. Raises `Misconfigured`."""
        if self._model is not None:
            return
        from py3langid.langid import MODEL_FILE, LanguageIdentifier  # noqa: PLC0415 (50 MB that only a process with texts needs)

        whole = LanguageIdentifier.from_model_file(MODEL_FILE)
        if unknown := set(self._codes) - set(whole.labels):
            raise Misconfigured(f"languages: expected codes that py3langid supports, got {', '.join(sorted(unknown))}")
        whole.set_languages(self._codes)
        # `set_languages` keeps the tables of all languages. A second identifier over the reduced tables frees them.
        self._model = LanguageIdentifier(
            whole.nb_ptc.astype("float32"),  # half floats are stored, but slow to add up
            whole.nb_pc.astype("float32"),
            whole.nb_classes,
            whole.tk_nextmove,
            whole.tk_output,
            norm_probs=True,
            tk_row=whole.tk_row,
        )

    def detect(self, text: str, stated: str | None) -> str:
        """Return the tag for the language of `text`. The customer's locale `stated` decides for a short text."""
        head = text[:HEAD]
        fallback = self._stated_tag(stated)
        if not head.isascii() and (by_script := self._tag_by_script(head, fallback)):
            return by_script
        if tag := language_by_stopwords(self._stopwords, head):  # decides most texts; the model costs ten times as much
            return tag
        if len(head.split()) < WORDS_MIN and fallback:
            return fallback
        if not _LATIN.search(head):
            return fallback or self._tags[0]
        self.load()
        code, probability = self._model.classify(head)
        if probability < SURE:
            return fallback or self._tags[0]
        return self._tag(_OLD_CODES.get(code, code), "Latn") or self._tags[0]

    def _stated_tag(self, stated: str | None) -> str | None:
        """Return the configured tag for the stated locale, or None. A region decides the script of Chinese."""
        if not stated:
            return None
        language, *rest = stated.replace("_", "-").split("-")
        language = _OLD_CODES.get(language.lower(), language.lower())
        subtags = {part.title() for part in rest} | {part.upper() for part in rest}
        default = {"zh": "Hant" if subtags & _TRADITIONAL_REGIONS else "Hans", "sr": "Cyrl"}.get(language, "")
        return self._tag(language, next((script for script in _SCRIPTS if script in subtags), default))

    def _tag_by_script(self, head: str, fallback: str | None) -> str | None:
        letters = len(_LATIN.findall(head))
        if len(_HAN.findall(head)) * 3 > letters:
            unclear = fallback is not None and fallback.endswith("Hant")
            return self._tag("zh", "Hant" if is_traditional(head, unclear=unclear) else "Hans")
        if len(_CYRILLIC.findall(head)) > letters:
            return self._tag("sr", "Cyrl")
        return self._tag("vi", "") if len(_VIETNAMESE.findall(head)) > 1 else None

    def _tag(self, language: str, script: str) -> str | None:
        """Return the configured tag of the language, with the script if one has it; None if no tag is configured."""
        tags = [tag for tag in self._tags if tag.partition("-")[0] == language]
        return next((tag for tag in tags if tag.endswith(f"-{script}")), tags[0] if tags else None)
