"""Commands of triage."""

from dataclasses import dataclass

from shared.contracts.events import Severity
from shared.runner.types import Command


@dataclass(frozen=True, slots=True)
class DecideCase(Command):
    """Decision of a person on a case. A field that is None keeps its value, or follows from the rulebook.

    `by` is the name of the client that sent the decision.
    """

    by: str
    category: str | None = None
    severity: Severity | None = None
    handler: str | None = None
