"""References that people read to each other over the phone, e.g. `RC-7K3M-9QPX-5`.

Thirty-one symbols: digits and the letters that are hard to take for one another. Thirty-one is a prime, so a weighted
sum modulo 31 with distinct non-zero weights (the arithmetic of the pure systems of ISO/IEC 7064) notices every single
wrong symbol and every swap of two symbols, and needs no extra check letter.
"""

from operator import mul

ALPHABET = "0123456789ABCDEFGHJKMNPQRTVWXYZ"
PREFIX = "RC"
EXAMPLE = "RC-7K3M-9QPX-5"
DATA_SYMBOLS = 8
SPACE = len(ALPHABET) ** DATA_SYMBOLS  # 8.5e11 references
_WEIGHTS = tuple(range(DATA_SYMBOLS + 1, 1, -1))  # the check symbol itself weighs 1
_QUARTERS = tuple(one + other for one in ALPHABET for other in ALPHABET)  # two symbols at a time: every complaint mints
_VALUES = {symbol: value for value, symbol in enumerate(ALPHABET)}
# What people write and hear instead.
_HEARD = str.maketrans(
    {"O": "0", "I": "1", "L": "1", "S": "5", "U": "V", "-": None, " ": None, ".": None, "\u00a0": None}
)


class NotAReference(ValueError):
    """A symbol is wrong, missing, or swapped with another."""

    expected = f"a reference such as {EXAMPLE}; check each symbol and their order"

    def __init__(self) -> None:
        super().__init__(f"expected {self.expected}")


def _check_symbol(data: str) -> str:
    total = sum(map(mul, _WEIGHTS, map(_VALUES.__getitem__, data)))
    return ALPHABET[-total % len(ALPHABET)]


def mint(number: int) -> str:
    """The reference of a number from 0 to `SPACE` - 1; whoever draws it decides how hard it is to guess."""
    if not 0 <= number < SPACE:
        raise ValueError(f"expected a number from 0 to {SPACE - 1}")
    front, back = divmod(number, len(_QUARTERS) ** 2)
    data = "".join((*_quarters(front), *_quarters(back)))
    return f"{PREFIX}-{data[:4]}-{data[4:]}-{_check_symbol(data)}"


def _quarters(half: int) -> tuple[str, str]:
    one, other = divmod(half, len(_QUARTERS))
    return _QUARTERS[one], _QUARTERS[other]


def parse(text: str) -> str:
    """The canonical form of what somebody typed: lower case, spaces, O for 0 and the like are forgiven.

    Raises `NotAReference` when it cannot be one of ours.
    """
    symbols = text.strip().upper().translate(_HEARD)
    if symbols.startswith(PREFIX) and len(symbols) == DATA_SYMBOLS + 1 + len(PREFIX):
        symbols = symbols.removeprefix(PREFIX)
    if len(symbols) != DATA_SYMBOLS + 1 or not _VALUES.keys() >= set(symbols):
        raise NotAReference
    data, check = symbols[:DATA_SYMBOLS], symbols[DATA_SYMBOLS]
    if _check_symbol(data) != check:
        raise NotAReference
    return f"{PREFIX}-{data[:4]}-{data[4:]}-{check}"
