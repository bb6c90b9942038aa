"""Whatever order the topics are read in, and however often: one final state, and nothing said twice."""

from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from typing import Any, get_args
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from uuid_utils.compat import uuid7

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
from services.sla.policies import Rulebook, parse_rulebook, read_file
from shared.contracts.envelope import ComplaintId, Event, EventId, Fact
from shared.contracts.events import (
    Assigned,
    ClockBreached,
    ClockBreachVoided,
    ClockStopped,
    ClockWarned,
    ComplaintReceived,
    Merged,
    MessageAccepted,
    MessageAdded,
    MessageBounced,
    Milestone,
    MilestoneRecorded,
    ProgressRecorded,
    PromiseBroken,
    PromiseKept,
    PromiseMade,
    PromiseRevised,
    Reopened,
    Resolved,
    Triaged,
    Withdrawn,
)
from shared.contracts.registry import EVENTS
from shared.errors import Rejected
from shared.runner.types import Command, Tick

LADDER = [50, 90, {"before": "PT2H"}, {"after": "PT4H", "every": "PT8H", "at_most": 2, "open_hours": True}]
GOALS: list[dict[str, Any]] = [{"business": "PT12H"}, {"wall": "PT30H"}, {"business_days": 2}, {"calendar_days": 3}]


def everything() -> Rulebook:
    """The shipped rulebook, with a first policy that has a clock of every kind, and two regulators' packs."""
    data = read_file(None, ["uk-disp", "uk-housing"])
    kinds = [{"kind": kind, "goal": GOALS[n % 4], "rungs": LADDER} for n, kind in enumerate(CLOCK_TYPES)]
    clocks = [{**entry, "pauses": ["customer"]} if entry["kind"] == "total_resolution" else entry for entry in kinds]
    own = {
        "id": "all",
        "version": 1,
        "calendar": "office",
        "when": {"channel": ["web", "phone"], "severity": ["high", "normal", "low"]},
        "silence_days": 2,
    }
    capped = {"buffer": "PT4H", "extension": {"business_days": 3, "revisions": 2}}
    return parse_rulebook(
        {**data, "policy": [{**own, "promise": capped, "clocks": clocks}, *data["policy"]]}, around=DAY
    )


DAY = date(2026, 11, 1)
RULEBOOK = everything()
COMPLAINT = ComplaintId(UUID("0190aaaa-0000-7000-8000-000000000001"))
START = datetime(2026, 11, 2, 8, 0, tzinfo=UTC)  # a Monday
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
relaxed = settings(deadline=None, max_examples=120, suppress_health_check=[HealthCheck.too_slow])


def event(facts: Fact, at: datetime, sequence: int, source: str) -> Event[Any]:
    return EVENTS[type(facts)](
        id=EventId(uuid7()),
        source=f"/redress/{source}",
        subject=COMPLAINT,
        time=at,
        sequence=sequence,
        data={"facts": facts},
    )


MILESTONES = st.sampled_from(get_args(Milestone))
ITEMS = st.sampled_from(["", "a", "b"])


@st.composite
def intake(draw: st.DrawFn) -> list[tuple[Fact, datetime]]:
    """A life as intake tells it: any facts, in any order, as long as time goes forward."""
    at = START + draw(st.integers(0, 20_000)) * MINUTE
    received = at - draw(st.sampled_from([timedelta(), HOUR, timedelta(days=2)]))
    channel = draw(st.sampled_from(["web", "letter", "phone"]))
    facts: list[tuple[Fact, datetime]] = [
        (ComplaintReceived(reference="R", client="c", channel=channel, received_at=received), at)
    ]
    for _ in range(draw(st.integers(0, 10))):
        at += draw(st.integers(1, 4000)) * MINUTE
        ahead = draw(st.one_of(st.none(), st.integers(-3000, 20_000)))
        facts.append(
            (
                draw(
                    st.sampled_from(
                        [
                            MessageAdded(author="customer"),
                            MessageAdded(author="handler"),
                            ProgressRecorded(state="awaiting_customer"),
                            ProgressRecorded(
                                state="investigating",
                                expected_at=at + ahead * MINUTE if ahead is not None else None,
                                reason="supplier_delay",
                            ),
                            ProgressRecorded(state="awaiting_third_party"),
                            MessageAdded(author="handler", public=False),
                            MilestoneRecorded(milestone=draw(MILESTONES), occurred_at=at, item=draw(ITEMS)),
                            Merged(into_reference="R-2"),
                            Resolved(outcome="upheld", resolved_at=at - draw(st.sampled_from([0, 1, 500])) * MINUTE),
                            Reopened(),
                            Withdrawn(),
                        ]
                    )
                ),
                at,
            )
        )
    return facts


@st.composite
def triage(draw: st.DrawFn) -> list[tuple[Fact, datetime]]:
    at, facts = START, []
    for severity in draw(st.lists(st.sampled_from(["low", "normal", "high", "critical"]), max_size=3)):
        at += draw(st.integers(1, 20_000)) * MINUTE
        if draw(st.booleans()):
            facts.append((Assigned(team="billing", handler=draw(st.sampled_from([None, "ann"]))), at))
        facts.append(
            (
                Triaged(
                    category=("billing",),
                    severity=severity,
                    language="en",
                    confidence=1,
                    decided_by="x",
                    decider_version="1",
                ),
                at,
            )
        )
    return facts


MESSAGES = ["acknowledgement", "promise_moved", "progress", "resolution", "back"]


def _back(number: int) -> MessageBounced:
    input_ = {"message": f"m{number}", "message_kind": "acknowledgement", "channel": "email", "cause": "c"}
    return MessageBounced(**input_, hard=True, code="5.1.1")


@st.composite
def notify(draw: st.DrawFn) -> list[tuple[Fact, datetime]]:
    at, facts = START, []
    for number, kind in enumerate(draw(st.lists(st.sampled_from(MESSAGES), max_size=5))):
        at += draw(st.integers(1, 20_000)) * MINUTE
        if kind == "back":
            facts.append((_back(draw(st.integers(0, number))), at))
            continue
        facts.append(
            (
                MessageAccepted(
                    message=f"m{number}",
                    message_kind=kind,
                    channel="email",
                    cause="c",
                    accepted_at=at,
                    locale="en",
                    template="t",
                    states_promise=draw(st.one_of(st.none(), st.integers(1, 3))),
                ),
                at,
            )
        )
    return facts


Streams = tuple[list[Event[Any]], ...]


def numbered(*streams: list[tuple[Fact, datetime]]) -> Streams:
    names = ("intake", "triage", "notify")
    return tuple(
        [event(fact, at, n, name) for n, (fact, at) in enumerate(stream, start=1)]
        for name, stream in zip(names, streams, strict=True)
    )


STREAMS = st.builds(numbered, intake(), triage(), notify())


def interleaved(draw: st.DrawFn, streams: Streams) -> list[Event[Any]]:
    left = [list(stream) for stream in streams if stream]
    order: list[Event[Any]] = []
    while left:
        stream = left[draw(st.integers(0, len(left) - 1))]
        order.append(stream.pop(0))
        left = [each_entry for each_entry in left if each_entry]
    return order


def fold(events: Sequence[Event[Any] | Tick], state: SlaState | None = None) -> tuple[SlaState | None, list[Fact]]:
    published: list[Fact] = []
    now = START
    for each in events:
        now = max(now, each.now if isinstance(each, Tick) else each.time)
        decision = decide(state, each, SlaContext(now, RULEBOOK))
        state = decision.state
        published += [say.facts for say in decision.events]
    return state, published


@relaxed
@given(data=st.data(), streams=STREAMS)
def test_every_interleaving_of_the_topics_ends_in_one_state(data: st.DataObject, streams: Streams) -> None:
    in_order, _ = fold([each_event for stream in streams for each_event in stream])
    shuffled, _ = fold(data.draw(st.composite(interleaved)(streams)))
    assert shuffled == in_order
    backwards, _ = fold([event for stream in reversed(streams) for event in stream])
    assert backwards == in_order


@relaxed
@given(data=st.data(), streams=STREAMS)
def test_hearing_an_event_again_at_once_changes_and_says_nothing(data: st.DataObject, streams: Streams) -> None:
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
def test_ticks_fire_each_rung_once_and_the_story_stays_consistent(data: st.DataObject, streams: Streams) -> None:
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
    """Let time pass the way timers do, from due moment to due moment."""
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
def test_a_state_survives_its_own_document(streams: Streams) -> None:
    state, _ = fold([event for stream in streams for event in stream])
    if state is not None:
        again = SlaState.model_validate_json(state.model_dump_json(exclude_none=True))
        assert again == state
        assert evaluate(again, RULEBOOK) == evaluate(state, RULEBOOK)


@st.composite
def commands(draw: st.DrawFn) -> list[Command]:
    """What people and workers may ask in between; most of it is refused, which must leave no trace."""
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
def test_what_is_stored_is_what_the_events_say_whatever_was_asked_and_however_time_passed(
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


def unsaid(state: SlaState, published_facts: Sequence[Fact]) -> set[str]:
    """Promises that notify here has told though sla never said them, because all was over: no message states those."""
    entries = {
        each_fact.promise for each_fact in published_facts if isinstance(each_fact, PromiseMade | PromiseRevised)
    }
    return {f"promise {each_entry.promise}" for each_entry in state.tellings if each_entry.promise not in entries}


@relaxed
@given(streams=STREAMS, data=st.data())
def test_a_stored_state_that_lacks_an_event_is_noticed(streams: Streams, data: st.DataObject) -> None:
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
def test_a_belief_of_any_moment_can_be_told_and_grows_only_by_what_was_recorded(streams: Streams, minutes: int) -> None:
    """Ids of that time, so that a fact was recorded when it happened."""
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
