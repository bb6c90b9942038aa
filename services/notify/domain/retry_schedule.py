"""Retry schedule of a message: its status after each attempt, and the wait until the next one.

The schedule holds the wait before attempt 1, 2, 3 and so on, about 16 hours in all. The waits grow, because a provider
that was down for an hour is not helped by an attempt every 30 seconds. A factor drawn per attempt (jitter) spreads
messages that failed together, so that they do not all come back at the same instant.

`uncertain` means that the connection failed after the whole message was sent: the provider may have it or not. Sending
again risks that the customer receives the message twice, giving up risks that they never receive it. A mandatory
message is therefore sent again after the receipt window, with the same Message-ID, by which mail programs recognize a
copy. Any other message is given up.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from services.notify.domain.content import MANDATORY
from services.notify.domain.state import AttemptOutcome, MessageStatus
from shared.contracts.events import MessageKind

SCHEDULE: Final = tuple(timedelta(seconds=seconds) for seconds in (0, 30, 120, 600, 1800, 3600, 7200, 14400, 28800))


@dataclass(frozen=True, slots=True)
class AttemptResult:
    """Status of a message after an attempt; `wait` is the time until the next attempt, None if there is none."""

    status: MessageStatus
    wait: timedelta | None = None


def next_status(
    outcome: AttemptOutcome, attempt: int, *, kind: MessageKind, receipt_window: timedelta
) -> AttemptResult:
    """Return the status of a message after its attempt number `attempt`, counted from 1."""
    is_last = attempt >= len(SCHEDULE)
    match outcome:
        case "sent":
            return AttemptResult("accepted")
        case "failed_transient" if not is_last:
            return AttemptResult("retry_wait", SCHEDULE[attempt])
        case "uncertain" if kind in MANDATORY and not is_last:
            return AttemptResult("uncertain", receipt_window)
        case "uncertain":
            return AttemptResult("uncertain")
    return AttemptResult("dead")
