"""A letter with holes: the template printed once per shape of content, to be filled many times.

Printing through a sandboxed template costs a millisecond and a half, filling holes twenty microseconds. Which sentences
a letter has depends only on which values are there, so one printing serves all letters with the same values present.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

_HOLE: Final = re.compile("\x02(\\w+)\x03")


def placeholder(name: str) -> str:
    """What stands in a printed stencil where the value `name` belongs."""
    return f"\x02{name}\x03"


@dataclass(frozen=True, slots=True)
class PrecompiledTemplate:
    """Text and the names of values in turn, beginning and ending with text."""

    pieces: tuple[str, ...]

    @classmethod
    def cut(cls, printed: str) -> "PrecompiledTemplate":
        """From a template printed with holes for values."""
        return cls(tuple(_HOLE.split(printed)))

    def fill(self, values: Mapping[str, str]) -> str:
        """The letter. Values are taken as they are: what looks like a hole in one stays what it is."""
        pieces = list(self.pieces)
        pieces[1::2] = [values[name] for name in pieces[1::2]]
        return "".join(pieces)
