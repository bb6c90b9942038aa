"""References that people read to each other over the phone, e.g. `RC-7K3M-9QPX-5`.

They use thirty-one symbols: digits, and the letters that are hard to mistake for others. Thirty-one is a prime, so a
weighted sum modulo 31 with distinct non-zero weights (the arithmetic of the pure systems of ISO/IEC 7064) detects every
single wrong symbol and every swap of two symbols, and needs no extra check letter.
"""

from operator import mul

ALPHABET = "0123456789ABCDEFGHJKMNPQRTVWXYZ"
PREFIX = "RC"
EXAMPLE = "RC-7K3M-9QPX-5"
DATA_SYMBOLS = 8
SPACE = len(ALPHABET) ** DATA_SYMBOLS  # 8.5e11 references
_WEIGHTS = tuple(range(DATA_SYMBOLS + 1, 1, -1))  # the weight of the check symbol itself is 1
_PAIRS = tuple(first + second for first in ALPHABET for second in ALPHABET)  # two at a time: every complaint needs one
_VALUES = {symbol: value for value, symbol in enumerate(ALPHABET)}
# Symbols that people type for others, and separators.
_CORRECTIONS = str.maketrans(
    {"O": "0", "I": "1", "L": "1", "S": "5", "U": "V", "-": None, " ": None, ".": None, "\u00a0": None}
)


class InvalidReference(ValueError):
    """A symbol is wrong, missing, or swapped with another."""

    expected = f"a reference such as {EXAMPLE}; check each symbol and their order"

    def __init__(self) -> None:
        super().__init__(f"expected {self.expected}")


def format_reference(number: int) -> str:
    """Return the reference of a number from 0 to `SPACE` - 1. A random number gives one that cannot be guessed."""
    if not 0 <= number < SPACE:
        raise ValueError(f"expected a number from 0 to {SPACE - 1}")
    front, back = divmod(number, len(_PAIRS) ** 2)
    data = "".join((*_two_pairs(front), *_two_pairs(back)))
    return f"{PREFIX}-{data[:4]}-{data[4:]}-{_check_symbol(data)}"


def parse_reference(text: str) -> str:
    """Return the canonical form of a typed reference; lower case, spaces, O for 0 and the like are accepted.

    Raises `InvalidReference`.
    """
    symbols = text.strip().upper().translate(_CORRECTIONS)
    if symbols.startswith(PREFIX) and len(symbols) == DATA_SYMBOLS + 1 + len(PREFIX):
        symbols = symbols.removeprefix(PREFIX)
    if len(symbols) != DATA_SYMBOLS + 1 or not _VALUES.keys() >= set(symbols):
        raise InvalidReference
    data, check = symbols[:DATA_SYMBOLS], symbols[DATA_SYMBOLS]
    if _check_symbol(data) != check:
        raise InvalidReference
    return f"{PREFIX}-{data[:4]}-{data[4:]}-{check}"


def _check_symbol(data: str) -> str:
    total = sum(map(mul, _WEIGHTS, map(_VALUES.__getitem__, data)))
    return ALPHABET[-total % len(ALPHABET)]


def _two_pairs(half: int) -> tuple[str, str]:
    first, second = divmod(half, len(_PAIRS))
    return _PAIRS[first], _PAIRS[second]
