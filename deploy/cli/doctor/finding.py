"""Result of a check."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Finding:
    """Result of a check. `well`: no problem. `note`: information. `todo`: a problem and its solution."""

    what: str
    level: Literal["well", "note", "todo"]
    sentence: str


def well(what: str, sentence: str) -> Finding:
    """Create a finding without a problem."""
    return Finding(what, "well", sentence)


def note(what: str, sentence: str) -> Finding:
    """Create a finding that is an information."""
    return Finding(what, "note", sentence)


def todo(what: str, sentence: str) -> Finding:
    """Create a finding with a problem to solve."""
    return Finding(what, "todo", sentence)
