"""Check the document of a draft for form and size before it is stored; the rulebook checks its contents later."""

from collections.abc import Iterator, Mapping
from typing import Any

from services.sla.calendar.document import check_section_sizes
from services.sla.policies.loader import canonical_json
from shared.errors import Rejected
from shared.text import LINE_PATTERN, PATTERNS, is_line, is_prose

DOCUMENT_MAX = 1_000_000  # bytes; the standard rulebook and all packs together have 100,000


def document_text(data: Any) -> str:
    """Return the canonical JSON of a document. Raises `Rejected` if it is no rulebook or too large."""
    check_section_sizes(data)
    for path, line, is_name in _texts(data):  # PostgreSQL refuses some, others would forge lines in a log or a table
        if not (is_prose if path.endswith("notes") and not is_name else is_line)(line):
            raise Rejected(f"{path}: expected {PATTERNS[LINE_PATTERN]}; only notes may have several lines")
    text = canonical_json(data)
    if any("\ud800" <= letter <= "\udfff" for letter in text):
        raise Rejected("expected text without halves of surrogate pairs")
    if len(text.encode()) > DOCUMENT_MAX:
        raise Rejected(f"expected at most {DOCUMENT_MAX:,} bytes")
    return text


def _texts(value: Any, path: str = "") -> Iterator[tuple[str, str, bool]]:
    """Yield (path, text, is the name of a field) for every text of a document."""
    if isinstance(value, str):
        yield path, value, False
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            yield path or "section", name, True
            yield from _texts(inner, f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _texts(inner, f"{path}.{index}")
