"""What sla remembers of one complaint: what happened, the terms that apply, and what was promised and fired.

Clocks are not stored. They follow from these facts by a pure function, so it does not matter in which order the topics
were read, and a question about the past is answered by leaving out what came later. Promises are stored the moment they
can be made: what a customer may have been told is never recomputed.
"""

from datetime import datetime
from typing import Literal, NamedTuple

from services.sla.domain.history import HistoryEntry
from services.sla.policies import MatchFacts, Mode, Terms
from shared.contracts.envelope import FrozenModel
from shared.contracts.events import Channel, PromiseSubject, Severity, Signal
from shared.runner.types import State

Why = Literal["receipt", "triage", "rebase"]


class ReceiptRecord(FrozenModel):
    """How it came in. `received_at` is when the customer handed it over, `recorded_at` when intake took it in.

    `timezone` is the customer's, where it is known: for words alone, no date follows from it.
    """

    received_at: datetime
    recorded_at: datetime
    channel: Channel
    product: str | None = None
    client: str | None = None
    timezone: str | None = None


class TriageRecord(FrozenModel):
    """What triage said at `at`."""

    at: datetime
    category: tuple[str, ...]
    severity: Severity
    language: str | None = None
    signals: tuple[Signal, ...] = ()


class AppliedTerms(NamedTuple):
    """Terms that apply from `at` on, and what put the complaint under them."""

    at: datetime
    why: Why
    terms: Terms
    mode: Mode = "rebase_open"


class PromiseProposal(FrozenModel):
    """A new date that a handler proposed, with a reason, for the promise of that cycle."""

    at: datetime
    cycle: int
    expected_at: datetime
    reason: str


class Promise(FrozenModel):
    """A date for the customer. `reason` tells a revision; `made_at` comes from the facts, not from our reading them.

    `of` is the number of the first version where this is a later one: what was promised once can be promised anew.
    """

    number: int
    cycle: int
    due_at: datetime
    made_at: datetime
    terms: Terms
    subject: PromiseSubject = "outcome"
    item: str = ""
    reason: str | None = None
    by: str = "policy"
    of: int | None = None


class PromiseStatement(NamedTuple):
    """A message that states a promise, accepted by a provider at `at`."""

    promise: int
    at: datetime
    message: str


class ExtensionRequest(FrozenModel):
    """A revision beyond what the rules allow: asked for, and then decided by somebody who may."""

    asked_at: datetime
    promise: int
    cycle: int
    expected_at: datetime
    limit_at: datetime
    reason: str
    approved: bool | None = None
    by: str | None = None
    decided_at: datetime | None = None


# A clock, the promises or a notice by their names, and when time alone will next have something to say about it.
Ahead = tuple[str, datetime]


class SlaState(State):
    """One complaint as sla knows it.

    `terms` are in force one after the other, from their `at` on. `tellings` are the messages that state a promise.
    `fired` are the rungs, letters and notices that were said, each once. `reached_at` is up to when time was looked at.
    What stands below it follows from the rest, and is kept to be asked for over all complaints: `due_at` is when time
    alone will next have something to say, `ahead` when it will of each thing that it can say something of, so that a
    tick need only look at those; `tightest_at` is when the first open clock is due, `promised_at` the earliest
    date that the customer was told and that waits to be kept, `spent_seconds` the opening time until the first answer,
    `untold_since` when the oldest date was made that nobody was told yet, `last_due_at` the latest due time of any
    clock or promise, open or ended; absent in states from before it was kept: it is not known then.
    """

    receipt: ReceiptRecord | None = None
    moments: tuple[HistoryEntry, ...] = ()
    triages: tuple[TriageRecord, ...] = ()
    terms: tuple[AppliedTerms, ...] = ()
    proposals: tuple[PromiseProposal, ...] = ()
    promises: tuple[Promise, ...] = ()
    extensions: tuple[ExtensionRequest, ...] = ()
    tellings: tuple[PromiseStatement, ...] = ()
    fired: tuple[str, ...] = ()
    reached_at: datetime | None = None
    due_at: datetime | None = None
    ahead: tuple[Ahead, ...] = ()
    is_open: bool = False
    tightest_at: datetime | None = None
    promised_at: datetime | None = None
    spent_seconds: int | None = None
    untold_since: datetime | None = None
    last_due_at: datetime | None = None

    @property
    def told(self) -> dict[int, datetime]:
        """When each promise was first told by a message that did not come back."""
        returned = {one.item for one in self.moments if one.what == "returned"}
        found: dict[int, datetime] = {}
        for telling in self.tellings:
            if telling.message not in returned:
                found[telling.promise] = min(telling.at, found.get(telling.promise, telling.at))
        return found

    @property
    def seen_until(self) -> datetime | None:
        """Up to when time is known to have passed: a look at it, or anything that happened since.

        So what an event shows to be late stays late, whether or not somebody looked in between.
        """
        last = self.moments[-1].at if self.moments else None
        return max((at for at in (self.reached_at, last) if at is not None), default=None)

    def asked(self, triage: TriageRecord | None) -> MatchFacts:
        """What policies may ask about it, with what triage had said."""
        receipt = self.receipt
        return MatchFacts(
            category=triage.category if triage else (),
            severity=triage.severity if triage else None,
            channel=receipt.channel if receipt else None,
            product=receipt.product if receipt else None,
            client=receipt.client if receipt else None,
            language=triage.language if triage else None,
            signals=triage.signals if triage else (),
        )
