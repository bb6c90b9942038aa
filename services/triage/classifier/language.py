"""Which of the configured languages a text is in: by script, else by its most frequent words, else by py3langid."""

import re
from collections.abc import Sequence
from typing import Any

from services.triage.classifier.chinese_script import is_traditional
from services.triage.classifier.stopwords import frequent_words, told_by
from shared.errors import Misconfigured

HEAD = 120  # characters that are looked at; six words are enough (99.7 % right), more only cost time
WORDS_MIN = 3  # below that the customer's own word counts more than a guess
SURE = 0.6  # probability below which the customer's own word counts more
_OLD_CODES = {"no": "nb", "nn": "nb", "in": "id"}
_MODEL_CODES = {"nb": "no"}
_HAN = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]")
_CYRILLIC = re.compile(r"[\u0400-\u04ff]")
_VIETNAMESE = re.compile(r"[\u1ea0-\u1ef9]")  # Latin with two marks; nobody else writes so
_LATIN = re.compile(r"[A-Za-z\u00c0-\u024f\u1e00-\u1eff]")
_SCRIPTS = ("Hant", "Hans", "Latn", "Cyrl")
_TRADITIONAL_REGIONS = {"TW", "HK", "MO"}


class Languages:
    """Answers with one of `tags`; the first is the last resort. The model is loaded on first need and kept."""

    def __init__(self, tags: Sequence[str]) -> None:
        if not tags:
            raise Misconfigured("languages: expected at least one BCP 47 tag, got none")
        self._tags = tuple(tags)
        self._codes = sorted({_MODEL_CODES.get(tag.partition("-")[0], tag.partition("-")[0]) for tag in tags})
        words = frequent_words({tag.partition("-")[0] for tag in tags})
        self._frequent = {word: self._tag(language, "Latn") or tags[0] for word, language in words.items()}
        self._model: Any = None

    def load(self) -> None:
        """Get the model into memory (about 50 MB, 0.8 s), cut to our languages. Raises `Misconfigured`."""
        if self._model is not None:
            return
        from py3langid.langid import MODEL_FILE, LanguageIdentifier  # noqa: PLC0415 (50 MB that an idle process spares)

        whole = LanguageIdentifier.from_model_file(MODEL_FILE)
        if unknown := set(self._codes) - set(whole.labels):
            raise Misconfigured(f"languages: expected codes that py3langid knows, got {', '.join(sorted(unknown))}")
        whole.set_languages(self._codes)
        # A second identifier over the cut tables lets the tables of all other languages go.
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
        """The language of `text`; `stated` is the customer's locale, believed where the text says too little."""
        head = text[:HEAD]
        wish = self._wish(stated)
        if not head.isascii() and (by_script := self._by_script(head, wish)):
            return by_script
        if frequent := told_by(self._frequent, head):  # most texts; the model costs ten times as much
            return frequent
        if len(head.split()) < WORDS_MIN and wish:
            return wish
        if not _LATIN.search(head):
            return wish or self._tags[0]
        self.load()
        code, probability = self._model.classify(head)
        if probability < SURE:
            return wish or self._tags[0]
        return self._tag(_OLD_CODES.get(code, code), "Latn") or self._tags[0]

    def _wish(self, stated: str | None) -> str | None:
        if not stated:
            return None
        language, *rest = stated.replace("_", "-").split("-")
        language = _OLD_CODES.get(language.lower(), language.lower())
        given = {part.title() for part in rest} | {part.upper() for part in rest}
        usual = {"zh": "Hant" if given & _TRADITIONAL_REGIONS else "Hans", "sr": "Cyrl"}.get(language, "")
        return self._tag(language, next((script for script in _SCRIPTS if script in given), usual))

    def _by_script(self, head: str, wish: str | None) -> str | None:
        letters = len(_LATIN.findall(head))
        if len(_HAN.findall(head)) * 3 > letters:
            unclear = wish is not None and wish.endswith("Hant")
            return self._tag("zh", "Hant" if is_traditional(head, unclear=unclear) else "Hans")
        if len(_CYRILLIC.findall(head)) > letters:
            return self._tag("sr", "Cyrl")
        return self._tag("vi", "") if len(_VIETNAMESE.findall(head)) > 1 else None

    def _tag(self, language: str, script: str) -> str | None:
        """The configured tag of that language, in that script if there is one."""
        ours = [tag for tag in self._tags if tag.partition("-")[0] == language]
        return next((tag for tag in ours if tag.endswith(f"-{script}")), ours[0] if ours else None)
