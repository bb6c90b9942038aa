"""What sla remembers of one complaint: the facts heard, the terms that apply, and what was promised and fired.

Clocks are not stored. They follow from these facts by a pure function, so it does not matter in which order the topics
were read. Promises are stored the moment they can be made: what a customer may have been told is never recomputed.
"""

from datetime import datetime
from typing import Literal, NamedTuple

from pydantic import Field

from shared.contracts.envelope import Frozen
from shared.contracts.events import Channel, Severity
from shared.runner.decision import State

Ending = Literal["resolved", "withdrawn"]


class Terms(NamedTuple):
    """The policy and calendar, by version, that a complaint came under."""

    policy: str
    policy_version: int
    calendar: str
    calendar_version: int


class Triage(Frozen):
    """What triage said at `at`. `terms` follow once the channel is known too, and stay."""

    at: datetime
    category: tuple[str, ...]
    severity: Severity
    terms: Terms | None = None


class Pause(Frozen):
    """A time in which the customer was awaited; `until` absent: still so."""

    since: datetime
    until: datetime | None = None


class Cycle(Frozen):
    """One run from opening to answer. The first starts with the receipt, each further one with a reopening."""

    started_at: datetime
    pauses: tuple[Pause, ...] = ()
    ended_at: datetime | None = None
    ending: Ending | None = None


class Proposal(Frozen):
    """A new date that a handler proposed, with a reason, for the promise of that cycle."""

    at: datetime
    cycle: int
    expected_at: datetime
    reason: str


class Promise(Frozen):
    """A date for the customer. `reason` tells a revision; `made_at` comes from the facts, not from our reading them."""

    number: int
    cycle: int
    due_at: datetime
    made_at: datetime
    terms: Terms
    reason: str | None = None


class Complaint(State):
    """One complaint as sla knows it.

    `received_at` is when the customer handed it over, `recorded_at` when intake took it in. `terms` apply until triage
    has spoken. `fired` are the rungs and
    missed dates that were said, each once. `due_at` is when time alone will next have something to say.
    """

    received_at: datetime | None = None
    recorded_at: datetime | None = None
    channel: Channel | None = None
    terms: Terms | None = None
    triages: tuple[Triage, ...] = ()
    cycles: tuple[Cycle, ...] = ()
    proposals: tuple[Proposal, ...] = ()
    promises: tuple[Promise, ...] = ()
    told: dict[int, datetime] = Field(default_factory=dict)
    acknowledged_at: datetime | None = None
    fired: tuple[str, ...] = ()
    due_at: datetime | None = None
