"""Fold: apply `decide` to a batch of inputs in order, in memory. No I/O; the runner commits the result."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic
from uuid import UUID

from uuid_utils.compat import uuid7

from shared.contracts.envelope import ComplaintId, Event, EventId, NewEvent
from shared.contracts.registry import EVENTS, write
from shared.contracts.topics import Service
from shared.errors import Rejected
from shared.runner.types import ContextT, Decide, Decision, Input, StateT
from shared.storage.outbox import OutboxRow


class EventTooLarge(Rejected):
    """The event is larger than Kafka accepts."""


class WaitsForDeadLetter(Rejected):
    """Waits behind an earlier event of the same complaint that could not be applied."""


@dataclass(slots=True)
class FoldResult(Generic[StateT, ContextT]):
    """Result of a fold: changed states, outbox rows, and for each input its decision or its exception, in order."""

    context: ContextT
    states: dict[ComplaintId, StateT] = field(default_factory=dict)
    rows: list[OutboxRow] = field(default_factory=list)
    results: list[Decision[StateT, ContextT] | Exception] = field(default_factory=list)


class BatchFolder(Generic[StateT, ContextT]):
    """Folds batches of inputs into states and events. A rejected input leaves no trace in them."""

    def __init__(self, service: Service, decide: Decide[StateT, ContextT], event_bytes_max: int) -> None:
        self._service = service
        self._decide = decide
        self._event_bytes_max = event_bytes_max

    def fold(
        self, states: Mapping[ComplaintId, StateT], inputs: Sequence[tuple[ComplaintId, Input]], context: ContextT
    ) -> FoldResult[StateT, ContextT]:
        """Decide each input on the state that the previous input has left. `states` are the loaded ones.

        After an event that fails, later events of the same complaint fail with `WaitsForDeadLetter`, because they must
        not be applied before it. Commands do not wait: they are decided on the state as it is.
        """
        result = FoldResult[StateT, ContextT](context)
        failed: set[ComplaintId] = set()
        for subject, input_ in inputs:
            if subject in failed:
                result.results.append(WaitsForDeadLetter())
                continue
            state = result.states.get(subject) or states.get(subject)
            try:
                decision = self._decide(state, input_, result.context)
                rows = self._make_rows(subject, state, decision.events, input_, result.context)
            except Exception as error:  # noqa: BLE001 (any exception of a decide concerns this input alone)
                result.results.append(error)
                if isinstance(input_, Event):
                    failed.add(subject)
                continue
            result.results.append(decision)
            self._add(result, subject, state, decision, rows)
        return result

    @staticmethod
    def _add(
        result: FoldResult[StateT, ContextT],
        subject: ComplaintId,
        before: StateT | None,
        decision: Decision[StateT, ContextT],
        rows: list[OutboxRow],
    ) -> None:
        result.rows.extend(rows)
        result.context = decision.context or result.context
        state = decision.state
        if state is None or state is before:
            return
        last_sequence = (before.last_sequence if before else 0) + len(rows)
        # `version` counts transactions, not inputs: only the first change of a batch raises it.
        version = state.version if subject in result.states else state.version + 1
        result.states[subject] = state.replace(last_sequence=last_sequence, version=version)

    def _make_rows(
        self,
        subject: ComplaintId,
        state: StateT | None,
        events: Sequence[NewEvent[Any]],
        cause: Input,
        context: ContextT,
    ) -> list[OutboxRow]:
        first = (state.last_sequence if state else 0) + 1
        return [self._make_row(subject, n, event, cause, context) for n, event in enumerate(events, start=first)]

    def _make_row(
        self, subject: ComplaintId, sequence: int, new_event: NewEvent[Any], cause: Input, context: ContextT
    ) -> OutboxRow:
        event = make_event(self._service, subject, sequence, new_event, cause, context)
        value = write(event)
        if len(value) > self._event_bytes_max:
            raise EventTooLarge(f"event: expected at most {self._event_bytes_max} bytes, got {len(value)}")
        return OutboxRow(self._service.topic, subject, event.id, value)


def make_event(
    service: Service, subject: ComplaintId, sequence: int, new_event: NewEvent[Any], cause: Input | None, context: Any
) -> Event[Any]:
    """Build the event: add id, sequence, time, and the correlation and trace of the event that caused it."""
    origin = cause if isinstance(cause, Event) else None
    event_id: UUID = uuid7()
    return EVENTS[type(new_event.facts)](  # type: ignore[call-arg]  # the concrete class has its own type
        id=EventId(event_id),
        source=service.source,
        subject=subject,
        time=new_event.occurred_at or context.now,
        sequence=sequence,
        correlationid=(origin.correlationid or str(origin.id)) if origin else str(event_id),
        causationid=str(origin.id) if origin else None,
        traceparent=origin.traceparent if origin else None,
        data={"facts": new_event.facts, "parties": new_event.parties, "personal": new_event.personal},
    )
