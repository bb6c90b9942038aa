"""Detection of large sums of money in a text."""

import re
from collections.abc import Iterable

from services.triage.rulebook.model import SeverityRules

_DIGITS = "0123456789"
_NUMBER = re.compile(r"\d[\d.,]{0,18}")
_BEFORE = 6  # characters in front of a number in which a currency may stand


class MoneyDetector:
    """Detector for sums that reach the rulebook's threshold of their currency."""

    def __init__(self, rules: SeverityRules) -> None:
        self._large = rules.large_amounts
        self._multipliers = rules.multipliers
        self._currency = {word.casefold(): code for code, words in rules.currencies.items() for word in words}
        words = _alternatives(self._currency)
        self._in_front = re.compile(rf"(?<![^\W\d_])({words})\s?$")
        factors = _alternatives(self._multipliers)
        self._behind = re.compile(rf"\s?({factors})?\s?({words})(?:(?<![a-zđ₫])|(?![^\W\d_]))")

    def is_large(self, text: str) -> bool:
        """Return True if a sum in the text reaches the threshold of its currency."""
        if text.isascii() and not any(digit in text for digit in _DIGITS):
            return False  # most texts; ten searches for a digit cost far less than one search by a regular expression
        text = text.casefold()
        return any(self._is_large_sum(text, number) for number in _NUMBER.finditer(text))

    def _is_large_sum(self, text: str, number: re.Match[str]) -> bool:
        start, end = number.span()
        factor = 1
        if behind := self._behind.match(text, end):
            factor, word = self._multipliers.get(behind[1] or "", 1), behind[2]
        elif front := self._in_front.search(text[max(0, start - _BEFORE) : start]):
            word = front[1]
        else:
            return False
        code = self._currency[word]
        return code in self._large and parse_amount(number[0]) * factor >= self._large[code]


def parse_amount(number: str) -> float:
    """Return the value of a written number such as 1.234,56 or 1,234.56 or 1.500.000.

    The last point or comma separates the fraction, unless three digits follow it or it occurs more than once.
    """
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
