"""Finds sums of money in a text and says whether one of them is large."""

import re
from collections.abc import Iterable

from services.triage.rulebook.model import SeverityRules

_DIGITS = "0123456789"
_NUMBER = re.compile(r"\d[\d.,]{0,18}")
_BEFORE = 6  # characters in front of a number in which a currency may stand


class Money:
    """Knows the rulebook's currencies and from which sum on each counts as large."""

    def __init__(self, rules: SeverityRules) -> None:
        self._large = rules.large_amounts
        self._multipliers = rules.multipliers
        self._currency = {word.casefold(): code for code, words in rules.currencies.items() for word in words}
        words = _alternatives(self._currency)
        self._in_front = re.compile(rf"(?<![^\W\d_])({words})\s?$")
        factors = _alternatives(self._multipliers)
        self._behind = re.compile(rf"\s?({factors})?\s?({words})(?:(?<![a-zđ₫])|(?![^\W\d_]))")

    def is_large(self, text: str) -> bool:
        """True if any sum in the text reaches its currency's threshold."""
        if text.isascii() and not any(digit in text for digit in _DIGITS):
            return False  # most texts, and ten searches in C are far cheaper than one by pattern
        text = text.casefold()
        return any(self._reaches(text, found) for found in _NUMBER.finditer(text))

    def _reaches(self, text: str, found: re.Match[str]) -> bool:
        start, end = found.span()
        factor = 1
        if behind := self._behind.match(text, end):
            factor, word = self._multipliers.get(behind[1] or "", 1), behind[2]
        elif front := self._in_front.search(text[max(0, start - _BEFORE) : start]):
            word = front[1]
        else:
            return False
        code = self._currency[word]
        return code in self._large and amount(found[0]) * factor >= self._large[code]


def amount(number: str) -> float:
    """The value of a written number; reads 1.234,56 and 1,234.56 and 1.500.000 alike."""
    number = number.rstrip(".,")
    last = max(number.rfind("."), number.rfind(","))
    if last < 0:
        return float(number)
    both = "." in number and "," in number
    fraction = number[last + 1 :]
    grouped = len(fraction) == 3 or number.count(number[last]) > 1
    whole = re.sub(r"[.,]", "", number[:last])
    return float(whole + fraction) if grouped and not both else float(f"{whole or '0'}.{fraction or '0'}")


def _alternatives(words: Iterable[str]) -> str:
    return "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))
