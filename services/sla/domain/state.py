"""State of one complaint in sla: what happened, the terms that apply, and what was promised and fired.

Clocks are not stored. They follow from these facts by a pure function, so the order in which topics are read does not
matter, and a question about the past is answered by leaving out what came later. Promises are stored as soon as they
can be made: a date that a customer may have been told is never recomputed.
"""

from datetime import datetime
from typing import Literal, NamedTuple

from services.sla.domain.history import HistoryEntry
from services.sla.policies import Mode, Terms
from shared.contracts.envelope import FrozenModel
from shared.contracts.events import Channel, PromiseSubject, Severity, Signal
from shared.runner.types import State

Why = Literal["receipt", "triage", "rebase"]


class ReceiptRecord(FrozenModel):
    """Receipt. `received_at` is when the customer handed it over, `recorded_at` when intake stored it.

    `timezone` is the customer's, if known; it is used for texts only, no date depends on it.
    """

    received_at: datetime
    recorded_at: datetime
    channel: Channel
    product: str | None = None
    client: str | None = None
    timezone: str | None = None


class TriageRecord(FrozenModel):
    """Result of a triage at `at`."""

    at: datetime
    category: tuple[str, ...]
    severity: Severity
    language: str | None = None
    signals: tuple[Signal, ...] = ()


class AppliedTerms(NamedTuple):
    """Terms that apply from `at` on, and why they were applied."""

    at: datetime
    why: Why
    terms: Terms
    mode: Mode = "rebase_open"


class PromiseProposal(FrozenModel):
    """Date that a handler proposed, with a reason, for the promise of that cycle."""

    at: datetime
    cycle: int
    expected_at: datetime
    reason: str


class Promise(FrozenModel):
    """Date for the customer. A `reason` marks a revision; `made_at` comes from the facts, not from when they were read.

    `of` is the number of the first version, if this is a later one.
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
    """Message that states a promise, accepted by a provider at `at`."""

    promise: int
    at: datetime
    message: str


class ExtensionRequest(FrozenModel):
    """Revision beyond what the rules allow, and the decision about it by an authorised person."""

    asked_at: datetime
    promise: int
    cycle: int
    expected_at: datetime
    limit_at: datetime
    reason: str
    approved: bool | None = None
    by: str | None = None
    decided_at: datetime | None = None


# Name of a clock, of the promises or of a notice, and the time of its next timer.
NextTime = tuple[str, datetime]


class SlaState(State):
    """State of one complaint.

    `moments` is the history as reported, in order of time. `terms` apply one after the other, each from its `at` on.
    `tellings` are the messages that state a promise. `fired` are the marks of the steps, letters and notices that were
    published, each once. `reached_at` is the time up to which timers were evaluated.

    The other fields follow from these and are stored to be queried over all complaints: `due_at` is the time of the
    next timer, `ahead` the next timer of every name (see incremental.py), `tightest_at` when the first open clock is
    due, `promised_at` the earliest date that the customer was told and that is not kept yet, `spent_seconds` the
    opening time until the first answer, `untold_since` when the oldest date was made that was not told to the customer,
    `last_due_at` the latest due time of any clock or promise, open or ended; None in states stored before it existed.
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
    ahead: tuple[NextTime, ...] = ()
    is_open: bool = False
    tightest_at: datetime | None = None
    promised_at: datetime | None = None
    spent_seconds: int | None = None
    untold_since: datetime | None = None
    last_due_at: datetime | None = None
