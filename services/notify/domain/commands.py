"""Commands of notify."""

from dataclasses import dataclass
from uuid import UUID

from services.notify.domain.state import AttemptOutcome
from shared.runner.types import Command


@dataclass(frozen=True, slots=True)
class AttemptFinished(Command):
    """Result of an attempt to send a message, reported by the sender.

    `code` is the number of the provider's reply or a code of the service, never the text of the reply, which can quote
    an address. `jitter` is a factor for the time until the next attempt, 0.8 to 1.2, drawn by the sender because
    `decide` has no randomness.
    """

    message_id: UUID
    intent: str
    attempt: int
    outcome: AttemptOutcome
    code: str
    locale: str
    template: str
    states_promise: int | None = None
    jitter: float = 1.0
