"""Input of a decision of notify besides the state and the event: the time and settings."""

from dataclasses import dataclass
from datetime import timedelta

from services.notify.domain.state import NotifyState
from shared.runner.types import Context, Decision


@dataclass(frozen=True, slots=True)
class NotifyContext(Context):
    """Settings that decisions depend on.

    `acknowledge_within`: longest wait of an opening message for handler and date. `receipt_window`: wait before an
    uncertain message is sent again. `default_locale`: language of customers whose own language is not supported.
    """

    acknowledge_within: timedelta = timedelta(seconds=15)
    receipt_window: timedelta = timedelta(minutes=15)
    default_locale: str = "en"


NotifyDecision = Decision[NotifyState, NotifyContext]
