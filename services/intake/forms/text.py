"""Text fields of the forms: permitted characters and lengths."""

from typing import Annotated

from pydantic import AfterValidator, StringConstraints

from shared.text import LINE_PATTERN, PROSE_PATTERN

NARRATIVE_MAX = 100_000  # characters; about forty printed pages
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
