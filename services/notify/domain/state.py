"""State of notify for one complaint: what is stored of it, messages that wait, and messages that were composed."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from services.notify.domain.content import Content
from shared.contracts.envelope import ComplaintId, EventId, FrozenModel, PartyId
from shared.contracts.events import MessageKind, Outcome, ProgressState, PromiseSubject, Redress
from shared.runner.types import State

ANY_PROMISE: Final = 0  # promise number of a message that states the current promise, whichever that is
IntentResult = Literal["accepted", "failed", "suppressed"]
MessageStatus = Literal["queued", "sending", "retry_wait", "accepted", "uncertain", "dead", "suppressed"]
AttemptOutcome = Literal["sent", "failed_transient", "failed_permanent", "uncertain"]


class Origin(FrozenModel):
    """Event that caused a message."""

    id: EventId
    sequence: int
    time: AwareDatetime


class Recipient(FrozenModel):
    """Recipient of the messages. `preferred_languages` are tags in order of preference."""

    party: PartyId
    name: str | None = Field(default=None, repr=False)
    email: str | None = Field(default=None, repr=False)
    timezone: str | None = None
    preferred_languages: tuple[str, ...] = Field(default=(), alias="wishes")


class ReceivedComplaint(FrozenModel):
    """Complaint as it was received. Without it there is no recipient and nothing can be sent."""

    reference: str
    received_at: AwareDatetime
    recipient: Recipient
    subject: str | None = Field(default=None, repr=False)
    expected_outcome: str | None = Field(default=None, repr=False)


class Assignee(FrozenModel):
    """Team and handler of the complaint."""

    team: str
    handler: str | None = Field(default=None, repr=False)


class AnnouncedPromise(FrozenModel):
    """Latest promise of its subject. `broken` is True if its date passed without being kept or moved."""

    number: int
    due_at: AwareDatetime
    cycle: int = 1
    reason: str | None = None  # why the date was moved to this one
    broken: bool = False


class PendingMessage(FrozenModel):
    """Message that waits to be composed, with the data of its event.

    `wait_until`: an opening message may wait until then for missing data. `ground`: deduplication key, if several
    events can cause the same message; without it the sequence number of the event is the key. `promise`: number of the
    promise that the message is about. `due_at`: date of `about` that the message promises. `old_due_at`: date that was
    moved or, without `due_at`, that is over or at risk. `repeats`: it repeats how the complaint was understood.
    """

    kind: MessageKind
    origin: Origin
    ground: str | None = None
    wait_until: AwareDatetime | None = None
    cycle: int = 1  # cycle of the complaint that an opening message opens
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
    def key(self) -> str:
        """Deduplication key of the message within its complaint."""
        return f"{self.kind}:{self.ground or self.origin.sequence}"

    @property
    def is_risk(self) -> bool:
        """True if the message warns that a date may not be kept."""
        return self.kind == "holding" and self.letter is None

    @property
    def is_valid_after_answer(self) -> bool:
        """True if the message is still needed after the answer: agreed actions, and letters of a second stage."""
        return self.about == "action" or (self.letter is not None and "stage" in self.letter)


class Intent(FrozenModel):
    """Decision to send a message, made once and stored for ever, so that a repeated event does not send it again.

    `result` is None until the result is final. It stays None for a superseded message, which is not sent.
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
    """Message for the table. `message_id` is computed from the intent, so it is the same when events are replayed.

    `states_promise`: number of the promise whose date the message states. `suppressed`: reason why it is not sent.
    """

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
        """Intent, unique over all complaints: `complaint:kind:cause-or-ground:recipient`."""
        return f"{self.complaint_id}:{self.intent}"


@dataclass(frozen=True, slots=True)
class AttemptRecord:
    """Result of an attempt for the table, and the new status of its message; None leaves the message unchanged."""

    message_id: UUID
    attempt: int
    outcome: AttemptOutcome
    code: str
    status: MessageStatus | None
    next_attempt_at: datetime | None = None
    locale: str | None = None
    template: str | None = None


class NotifyState(State):
    """State of one complaint.

    `planned` and `finished` hold the messages and attempts of the present transaction. They are written to their own
    tables and are not part of the stored document.
    """

    received: ReceivedComplaint | None = None
    category: tuple[str, ...] = ()
    language: str | None = None
    owner: Assignee | None = None
    promise: AnnouncedPromise | None = None  # of the answer
    next_update: AnnouncedPromise | None = None
    progress: ProgressState | None = None
    closed: Literal["resolved", "withdrawn"] | None = None
    closed_at: AwareDatetime | None = None  # time of the last closing; a reopening does not clear it
    reopened: tuple[int, ...] = ()  # sequence numbers of the reopenings; each begins a cycle
    owes_date: bool = False  # an opening message was sent without a date
    waiting: tuple[PendingMessage, ...] = ()
    intents: dict[str, Intent] = Field(default_factory=dict)
    due_at: AwareDatetime | None = None
    planned: tuple[NewMessage, ...] = Field(default=(), exclude=True)
    finished: tuple[AttemptRecord, ...] = Field(default=(), exclude=True)
