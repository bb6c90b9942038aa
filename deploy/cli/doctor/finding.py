"""What a check comes to."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Finding:
    """`well`: nothing to do. `note`: good to know. `todo`: something must be done, and the sentence says what."""

    what: str
    is_: Literal["well", "note", "todo"]
    sentence: str


def well(what: str, sentence: str) -> Finding:
    """Nothing to do."""
    return Finding(what, "well", sentence)


def note(what: str, sentence: str) -> Finding:
    """Good to know."""
    return Finding(what, "note", sentence)


def todo(what: str, sentence: str) -> Finding:
    """Something must be done."""
    return Finding(what, "todo", sentence)
