"""What notify remembers of one complaint: what is known, what waits to be told, and what was told already."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from services.notify.domain.content import Content
from shared.contracts.envelope import ComplaintId, EventId, FrozenModel, PartyId
from shared.contracts.events import MessageKind, Outcome, ProgressState, PromiseSubject, Redress
from shared.runner.types import State as Remembered

ANY_PROMISE: Final = 0  # news that may state whichever promise stands
IntentResult = Literal["accepted", "failed", "suppressed"]
MessageStatus = Literal["queued", "sending", "retry_wait", "accepted", "uncertain", "dead", "suppressed"]
AttemptOutcome = Literal["sent", "failed_transient", "failed_permanent", "uncertain"]


class Origin(FrozenModel):
    """The event that makes us write."""

    id: EventId
    sequence: int
    time: AwareDatetime


class Recipient(FrozenModel):
    """Whom we write to. `wishes` are language tags in order of preference."""

    party: PartyId
    name: str | None = Field(default=None, repr=False)
    email: str | None = Field(default=None, repr=False)
    timezone: str | None = None
    wishes: tuple[str, ...] = ()


class ReceivedComplaint(FrozenModel):
    """The complaint as it reached us; without it nobody can be told anything."""

    reference: str
    received_at: AwareDatetime
    recipient: Recipient
    subject: str | None = Field(default=None, repr=False)
    expected_outcome: str | None = Field(default=None, repr=False)


class Assignee(FrozenModel):
    """Who looks after it."""

    team: str
    handler: str | None = Field(default=None, repr=False)


class AnnouncedPromise(FrozenModel):
    """The latest date of its subject to be told; `broken` once it passed without a word."""

    number: int
    due_at: AwareDatetime
    cycle: int = 1
    reason: str | None = None  # why it was moved to this date
    broken: bool = False


class PendingMessage(FrozenModel):
    """Something to tell, and what only its own event knows. `wait_until` is how long it may wait to be complete.

    `ground` is what must not be told twice, where that is not the event itself. `due_at`: a date of `about` that this
    message promises; `old_due_at` without it: one that is over or at risk.
    """

    kind: MessageKind
    origin: Origin
    ground: str | None = None
    wait_until: AwareDatetime | None = None
    cycle: int = 1  # of the complaint, that an opening letter opens
    words: str | None = Field(default=None, repr=False)
    about: PromiseSubject = "outcome"
    promise: int | None = None
    due_at: AwareDatetime | None = None
    old_due_at: AwareDatetime | None = None
    reasons: tuple[str, ...] = ()
    progress: ProgressState | None = None
    silent_since: AwareDatetime | None = None
    letter: str | None = None
    recourse: bool = False
    repeats: bool = False
    outcome: Outcome | None = None
    redress: tuple[Redress, ...] = ()

    @property
    def mark(self) -> str:
        """What tells it from all other news of its complaint."""
        return f"{self.kind}:{self.ground or self.origin.sequence}"

    @property
    def is_risk(self) -> bool:
        """Whether it warns of a date that we may not keep."""
        return self.kind == "holding" and self.letter is None

    @property
    def outlives_answer(self) -> bool:
        """Whether it is still true after the answer: what was agreed has to be done, a second stage begins then."""
        return self.about == "action" or (self.letter is not None and "stage" in self.letter)


class Intent(FrozenModel):
    """Something that was decided once and for ever.

    `result` is None while it is open, and stays None where newer news overtook it before it was written.
    """

    kind: MessageKind
    cause: EventId
    caused_at: AwareDatetime
    recipient: PartyId
    letter: str | None = None
    result: IntentResult | None = None
    accepted_at: AwareDatetime | None = None


@dataclass(frozen=True, slots=True)
class NewMessage:
    """A message for the table; `message_id` follows from the intent, so that it is the same on every replay."""

    message_id: UUID
    complaint_id: ComplaintId
    intent: str
    kind: MessageKind
    recipient: PartyId
    address: str | None = field(repr=False)
    locale: str
    content: Content
    caused_at: datetime
    states_promise: int | None = None
    suppressed: str | None = None

    @property
    def intent_key(self) -> str:
        """Unique over all complaints and for ever: `complaint:kind:cause-or-ground:recipient`."""
        return f"{self.complaint_id}:{self.intent}"


@dataclass(frozen=True, slots=True)
class AttemptRecord:
    """How an attempt ended and where that leaves its message; `status` None leaves the message alone."""

    message_id: UUID
    attempt: int
    outcome: AttemptOutcome
    code: str
    status: MessageStatus | None
    next_attempt_at: datetime | None = None
    locale: str | None = None
    template: str | None = None


class NotifyState(Remembered):
    """The state. `planned` and `finished` leave with the transaction and are not part of the stored document."""

    received: ReceivedComplaint | None = None
    category: tuple[str, ...] = ()
    language: str | None = None
    owner: Assignee | None = None
    promise: AnnouncedPromise | None = None  # of the outcome
    next_update: AnnouncedPromise | None = None
    progress: ProgressState | None = None
    closed: Literal["resolved", "withdrawn"] | None = None
    closed_at: AwareDatetime | None = None  # the last time it was closed; stays when it is opened again
    reopened: tuple[int, ...] = ()  # sequences of the reopenings: each begins a cycle
    owes_date: bool = False  # an opening letter left without a date
    waiting: tuple[PendingMessage, ...] = ()
    intents: dict[str, Intent] = Field(default_factory=dict)
    due_at: AwareDatetime | None = None
    planned: tuple[NewMessage, ...] = Field(default=(), exclude=True)
    finished: tuple[AttemptRecord, ...] = Field(default=(), exclude=True)
