"""Words that we take in: what they may contain, and how long they may be.

Patterns are checked by pydantic's own engine on the hot path, so they stay within what it and ECMA-262 both understand.
"""

from typing import Annotated

from pydantic import AfterValidator, StringConstraints

NARRATIVE_MAX = 100_000  # characters; some forty printed pages
LINE_PATTERN = r"^[^\x00-\x1F\x7F-\x9F\u2028\u2029]*$"
# A carriage return only as part of CRLF, which is how web forms end their lines.
PROSE_PATTERN = r"^(?:[^\x00-\x08\x0B-\x1F\x7F-\x9F]|\r\n)*$"
CODE_PATTERN = r"^[a-z][a-z0-9_]{0,63}$"
ATTRIBUTE_PATTERN = r"^[A-Za-z][A-Za-z0-9_.-]{0,63}$"


def _unix_lines(text: str) -> str:
    return text.replace("\r\n", "\n")


Line = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=LINE_PATTERN, strict=True)
]
Prose = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=2_000, pattern=PROSE_PATTERN, strict=True),
    AfterValidator(_unix_lines),
]
LongProse = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True, min_length=1, max_length=NARRATIVE_MAX, pattern=PROSE_PATTERN, strict=True
    ),
    AfterValidator(_unix_lines),
]
Code = Annotated[str, StringConstraints(pattern=CODE_PATTERN, strict=True)]
AttributeName = Annotated[str, StringConstraints(pattern=ATTRIBUTE_PATTERN, strict=True)]
AttributeValue = Annotated[
    str,
    StringConstraints(strip_whitespace=True, max_length=1_000, pattern=PROSE_PATTERN, strict=True),
    AfterValidator(_unix_lines),
]
