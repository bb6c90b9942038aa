"""Any order of the topics, and any repetition, ends in one state, and no event is published twice."""

from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.sla.audit.compare import compare_states, rebuild
from services.sla.domain import (
    DecideExtension,
    MakePromise,
    MarkAtRisk,
    RevisePromise,
    SlaContext,
    SlaState,
    decide,
    evaluate,
)
from services.sla.domain.clock_types import CLOCK_TYPES
from services.sla.explain.as_of import as_of
from shared.contracts.envelope import Event, EventId, Fact
from shared.contracts.events import (
    ClockBreached,
    ClockBreachVoided,
    ClockStopped,
    ClockWarned,
    MessageBounced,
    ProgressRecorded,
    PromiseBroken,
    PromiseKept,
    PromiseMade,
    PromiseRevised,
)
from shared.errors import Rejected
from shared.runner.types import Command, Tick
from tests.properties.sla_streams import (
    COMPLAINT,
    MINUTE,
    RULEBOOK,
    START,
    STREAMS,
    Streams,
    fold,
    interleaved,
    relaxed,
    unsaid,
)


@relaxed
@given(data=st.data(), streams=STREAMS)
def test_every_interleaving_of_the_topics_gives_the_same_state(data: st.DataObject, streams: Streams) -> None:
    in_order, _ = fold([each_event for stream in streams for each_event in stream])
    shuffled, _ = fold(data.draw(st.composite(interleaved)(streams)))
    assert shuffled == in_order
    backwards, _ = fold([event for stream in reversed(streams) for event in stream])
    assert backwards == in_order


@relaxed
@given(data=st.data(), streams=STREAMS)
def test_a_repeated_event_changes_and_publishes_nothing(data: st.DataObject, streams: Streams) -> None:
    order = data.draw(st.composite(interleaved)(streams))
    for n, other in enumerate(order):
        before, _ = fold(order[: n + 1])
        if isinstance(other.facts, ProgressRecorded) and other.facts.expected_at and before and not before.promises:
            continue  # a proposal that waits for its promise is kept as often as it is heard, and used once
        after, published_facts = fold([other], before)
        assert after == before
        assert published_facts == []


@relaxed
@given(data=st.data(), streams=STREAMS)
def test_ticks_fire_each_step_once_and_published_events_stay_consistent(data: st.DataObject, streams: Streams) -> None:
    order = sorted((element for stream in streams for element in stream), key=lambda element: element.time)
    state: SlaState | None = None
    published_facts: list[Fact] = []
    for element in order:
        state, facts = _drain(state, element.time)
        published_facts += facts
        state, facts = fold([element], state)
        published_facts += facts
    state, facts = _drain(state, datetime(2028, 1, 1, tzinfo=UTC))
    published_facts += facts
    assert state is None or state.due_at is None or state.due_at > datetime(2028, 1, 1, tzinfo=UTC)

    back = sum(isinstance(element.facts, MessageBounced) for element in order)
    warned = [(_which(fact), fact.rung) for fact in published_facts if isinstance(fact, ClockWarned)]
    assert len(warned) == len(set(warned))
    for kind, key in (
        (ClockStopped, lambda fact: (_which(fact), fact.stopped_at, fact.met)),
        (PromiseBroken, lambda fact: fact.promise),
        (PromiseKept, lambda fact: fact.promise),
    ):
        keys = [key(fact) for fact in published_facts if isinstance(fact, kind)]
        again = 0 if kind is ClockStopped else back  # an answer that came back may be told, or be late, once more
        assert len(keys) <= len(set(keys)) + again
    numbers = [fact.promise for fact in published_facts if isinstance(fact, PromiseMade | PromiseRevised)]
    assert numbers == sorted(set(numbers))
    late: Counter[tuple[object, ...]] = Counter()
    verdicts: dict[tuple[object, ...], bool] = {}
    for fact in published_facts:  # a breach is said once, and again only where it was taken back in between
        if isinstance(fact, ClockBreached | ClockBreachVoided):
            late[_which(fact)] += 1 if isinstance(fact, ClockBreached) else -1
            assert late[_which(fact)] in (0, 1), (published_facts, order)
            verdicts.pop(_which(fact), None)  # a reopening or a bounce made it run again
        elif isinstance(fact, ClockStopped) and not CLOCK_TYPES[fact.clock].optional:
            verdicts[_which(fact)] = fact.met
    assert all(met == (late[key] == 0) for key, met in verdicts.items()), (published_facts, order)


def _which(fact: Any) -> tuple[object, ...]:
    return fact.pack, fact.clock, fact.item, fact.cycle


def _drain(state: SlaState | None, until: datetime) -> tuple[SlaState | None, list[Fact]]:
    """Fire every timer until that time, each when it is due."""
    events_published: list[Fact] = []
    for _ in range(100):
        if state is None or state.due_at is None or state.due_at > until:
            return state, events_published
        before = state.due_at
        state, facts = fold([Tick(before)], state)
        assert state is not None
        assert state.due_at is None or state.due_at > before, "a tick that leaves its own moment due would spin"
        events_published += facts
    pytest.fail("time never comes to rest")


@relaxed
@given(streams=STREAMS)
def test_promises_end_within_opening_hours_and_after_they_were_made(streams: Streams) -> None:
    state, _ = fold([event for stream in streams for event in stream])
    for promise in state.promises if state else ():
        compiled = RULEBOOK.promise_calendar(promise.terms)
        at = int(promise.due_at.timestamp())
        assert compiled.into_hours(at) == at
        assert promise.due_at > promise.made_at


@relaxed
@given(streams=STREAMS)
def test_a_state_survives_serialization(streams: Streams) -> None:
    state, _ = fold([event for stream in streams for event in stream])
    if state is not None:
        again = SlaState.model_validate_json(state.model_dump_json(exclude_none=True))
        assert again == state
        assert evaluate(again, RULEBOOK) == evaluate(state, RULEBOOK)


@st.composite
def commands(draw: st.DrawFn) -> list[Command]:
    """Draw commands of people and workers; most are rejected, which must not change the state."""
    request: list[Command] = []
    for _ in range(draw(st.integers(0, 4))):
        due_at = START + draw(st.integers(0, 60_000)) * MINUTE
        number = draw(st.integers(1, 3))
        request.append(
            draw(
                st.sampled_from(
                    [
                        MakePromise(COMPLAINT, actor="ann", subject="next_update", due_at=due_at),
                        MakePromise(COMPLAINT, actor="ann", subject="action", due_at=due_at, item="refund"),
                        RevisePromise(COMPLAINT, actor="ann", promise=number, due_at=due_at, reason="x"),
                        DecideExtension(COMPLAINT, actor="head", promise=number, approve=draw(st.booleans())),
                        MarkAtRisk(COMPLAINT, cause="lag", until=due_at),
                    ]
                )
            )
        )
    return request


@relaxed
@given(data=st.data(), streams=STREAMS, requests=commands())
def test_a_stored_state_equals_the_state_rebuilt_from_its_events(
    data: st.DataObject, streams: Streams, requests: list[Command]
) -> None:
    order: list[Any] = list(data.draw(st.composite(interleaved)(streams)))
    applied = rebuild(None, COMPLAINT, data.draw(st.composite(interleaved)(streams)))
    for value in requests:
        order.insert(data.draw(st.integers(0, len(order))), value)
    state: SlaState | None = None
    published_facts: list[Fact] = []
    now = START
    for value in order:
        now = max(now, value.time if isinstance(value, Event) else now)
        if data.draw(st.booleans()):
            state, passed = _drain(state, now)
            published_facts += passed
        with suppress(Rejected):
            decision = decide(state, value, SlaContext(now, RULEBOOK))
            state = decision.state
            published_facts += [say.facts for say in decision.events]
    if state is None:
        assert applied == SlaState(complaint_id=COMPLAINT)
        return
    again = SlaState.model_validate_json(state.model_dump_json(exclude_none=True))
    assert [
        value.what
        for value in compare_states(again, applied, RULEBOOK, published_facts)
        if value.what not in unsaid(again, published_facts)
    ] == []


@relaxed
@given(streams=STREAMS, data=st.data())
def test_a_stored_state_without_one_event_is_detected(streams: Streams, data: st.DataObject) -> None:
    events = [each_event for stream in streams for each_event in stream]
    state, _ = fold(events)
    missing = data.draw(st.sampled_from(events))
    without = rebuild(None, COMPLAINT, [event for event in events if event is not missing])
    whole = rebuild(None, COMPLAINT, events)
    if (
        state is not None
        and without != whole
        and {**dict(without), "proposals": ()} != {**dict(whole), "proposals": ()}
    ):
        assert list(compare_states(state, without, RULEBOOK))


@relaxed
@given(streams=STREAMS, minutes=st.integers(-1000, 80_000))
def test_the_state_as_of_any_time_contains_only_earlier_facts(streams: Streams, minutes: int) -> None:
    """Give each event an id of its own time, so that a fact counts as recorded when it happened."""
    timed = [_on_disk(event, n) for n, event in enumerate(event for stream in streams for event in stream)]
    state, _ = fold(timed)
    believed = as_of(state, START + minutes * MINUTE) if state else None
    if believed is None:
        return
    book = evaluate(believed, RULEBOOK)
    assert all(clock.started_at <= START + minutes * MINUTE for clock in book.clocks)
    assert (
        {status.promise.number for status in book.promise_statuses}
        <= {each_promise.number for each_promise in state.promises}
        if state
        else True
    )


def _on_disk(entry: Event[Any], number: int) -> Event[Any]:
    moment = int(entry.time.timestamp() * 1000)
    return entry.model_copy(update={"id": EventId(UUID(int=(moment << 80) | (7 << 76) | (2 << 62) | number))})
