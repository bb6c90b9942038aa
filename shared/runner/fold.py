"""A batch of inputs through `decide`, in order, in memory. No I/O; the runner commits what comes out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic
from uuid import UUID

from uuid_utils.compat import uuid7

from shared.contracts.envelope import ComplaintId, Event, EventId, NewEvent
from shared.contracts.registry import EVENTS, write
from shared.contracts.topics import Service
from shared.errors import Rejected
from shared.runner.types import Command, ContextT, Decide, Decision, Input, StateT, Tick
from shared.storage.outbox import OutboxRow


class EventTooLarge(Rejected):
    """The event is larger than Kafka takes."""


class WaitsForDeadLetter(Rejected):
    """Waits behind an earlier event of the same complaint that could not be applied."""


@dataclass(slots=True)
class FoldResult(Generic[StateT, ContextT]):
    """What a batch came to. `results` stand in the order of the inputs; an exception is that input's own."""

    context: ContextT
    states: dict[ComplaintId, StateT] = field(default_factory=dict)
    rows: list[OutboxRow] = field(default_factory=list)
    results: list[Decision[StateT, ContextT] | Exception] = field(default_factory=list)


class BatchFolder(Generic[StateT, ContextT]):
    """Folds inputs into states and events; nothing of a rejected input remains."""

    def __init__(self, service: Service, decide: Decide[StateT, ContextT], event_bytes_max: int) -> None:
        self._service = service
        self._decide = decide
        self._max = event_bytes_max

    def fold(
        self, known: Mapping[ComplaintId, StateT], given: Sequence[tuple[ComplaintId, Input]], context: ContextT
    ) -> FoldResult[StateT, ContextT]:
        """Decide each input on the state that the one before left. A rejected input changes nothing.

        After an event that cannot be applied, later events of the same complaint wait; commands do not.
        """
        folded = FoldResult[StateT, ContextT](context)
        failed: set[ComplaintId] = set()
        for subject, one in given:
            if subject in failed:
                folded.results.append(WaitsForDeadLetter())
                continue
            before = folded.states.get(subject) or known.get(subject)
            try:
                decision = self._decide(before, one, folded.context)
                rows = self._say(subject, before.said if before else 0, decision.events, one, folded.context)
            except Exception as error:  # noqa: BLE001 (whatever a decide raises is about this input alone)
                folded.results.append(error)
                if isinstance(one, Event):
                    failed.add(subject)
                continue
            folded.results.append(decision)
            self._keep(folded, subject, before, decision, rows)
        return folded

    @staticmethod
    def _keep(
        folded: FoldResult[StateT, ContextT],
        subject: ComplaintId,
        before: StateT | None,
        decision: Decision[StateT, ContextT],
        rows: list[OutboxRow],
    ) -> None:
        folded.rows.extend(rows)
        folded.context = decision.context or folded.context
        state = decision.state
        if state is None or state is before:
            return
        said = (before.said if before else 0) + len(rows)
        # `version` counts transactions, not inputs: only the first change of a batch raises it.
        version = state.version if subject in folded.states else state.version + 1
        folded.states[subject] = state.replace(said=said, version=version)

    def _say(
        self, subject: ComplaintId, said: int, says: Sequence[NewEvent[Any]], cause: Input, context: ContextT
    ) -> list[OutboxRow]:
        return [self._row(subject, said + n, say, cause, context) for n, say in enumerate(says, start=1)]

    def _row(
        self, subject: ComplaintId, sequence: int, say: NewEvent[Any], cause: Input, context: ContextT
    ) -> OutboxRow:
        event = make_event(self._service, subject, sequence, say, cause, context)
        value = write(event)
        if len(value) > self._max:
            raise EventTooLarge(f"event: expected at most {self._max} bytes, got {len(value)}")
        return OutboxRow(self._service.topic, subject, event.id, value)


def make_event(
    service: Service, subject: ComplaintId, sequence: int, say: NewEvent[Any], cause: Input | None, context: Any
) -> Event[Any]:
    """Give what was decided its identity, order, time and the thread that led to it."""
    heard = cause if isinstance(cause, Event) else None
    event_id: UUID = uuid7()
    return EVENTS[type(say.facts)](  # type: ignore[call-arg]  # the concrete class knows its own type
        id=EventId(event_id),
        source=service.source,
        subject=subject,
        time=say.occurred_at or context.now,
        sequence=sequence,
        correlationid=(heard.correlationid or str(heard.id)) if heard else str(event_id),
        causationid=str(heard.id) if heard else None,
        traceparent=heard.traceparent if heard else None,
        data={"facts": say.facts, "parties": say.parties, "personal": say.personal},
    )


def subject_of(given: Input) -> ComplaintId | None:
    """Whom an input is about; a `Tick` does not say."""
    match given:
        case Event():
            return given.subject
        case Command():
            return given.complaint_id
        case Tick():
            return None
