"""Precompiled templates: the output of a template with placeholders, filled many times.

Rendering a sandboxed template costs 1.5 ms, filling placeholders 20 µs. The sentences of a message depend only on which
values are present and not on the values themselves. A template is therefore rendered once for each combination of
present values, with a placeholder for each value, and the result serves all messages with the same combination.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

_PLACEHOLDER: Final = re.compile("\x02(\\w+)\x03")


def placeholder(name: str) -> str:
    """Return the placeholder for the value `name`. Its control characters occur in no value or template."""
    return f"\x02{name}\x03"


@dataclass(frozen=True, slots=True)
class PrecompiledTemplate:
    """Alternating pieces of text and names of values; the first and the last piece are text."""

    pieces: tuple[str, ...]

    @classmethod
    def parse(cls, rendered: str) -> "PrecompiledTemplate":
        """Split the output of a template at its placeholders."""
        return cls(tuple(_PLACEHOLDER.split(rendered)))

    def fill(self, values: Mapping[str, str]) -> str:
        """Return the text with the values inserted. A value that looks like a placeholder is not replaced."""
        pieces = list(self.pieces)
        pieces[1::2] = [values[name] for name in pieces[1::2]]
        return "".join(pieces)
