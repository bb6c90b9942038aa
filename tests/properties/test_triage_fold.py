"""Properties of triage: with the topics in any order, the cases end in the same state."""

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from services.triage.classifier import Classification
from services.triage.domain import Roster, TriageContext, TriageState, decide
from services.triage.rulebook import load_rulebook
from services.triage.rulebook.model import SIGNALS, Team
from shared.contracts import ComplaintId, Event
from shared.contracts.events import ClockBreached, ClockEscalated, Reopened, Resolved, Withdrawn
from shared.runner.types import Tick
from tests.factories import NOON, complaint_id, event, received

RULES = load_rulebook()
Stream = list[Event[Any]]  # events of one topic about one complaint; their order is kept

classifications = st.builds(
    lambda category, signals, confidence, large: Classification(
        category=category,
        confidence=confidence,
        language="en",
        candidates=(category,),
        signals=tuple(signal for signal in SIGNALS if signal in signals),
        large_amount=large,
    ),
    st.sampled_from(list(RULES.categories)),
    st.sets(st.sampled_from(SIGNALS)),
    st.sampled_from([0.0, 0.44, 0.45, 0.9]),
    st.booleans(),
)

clocks = {
    "clock": st.sampled_from(["assignment", "total_resolution", "periodic_update", "supplier"]),
    "cycle": st.integers(1, 2),
    "pack": st.sampled_from([None, "uk"]),
    "item": st.sampled_from(["", "maker"]),
    "due_at": st.just(NOON),
    "late_by": st.just(timedelta(0)),
}
late = st.one_of(
    st.builds(ClockBreached, **clocks, cause=st.sampled_from(["handling", "downtime"])),
    st.builds(
        ClockEscalated, **clocks, rung=st.sampled_from(["+PT4H", "+PT4H#2"]), to=st.sampled_from(["lead", "handler"])
    ),
)


@st.composite
def complaints(draw: st.DrawFn, *, most: int) -> tuple[list[Stream], dict[Any, Classification]]:
    """Draw streams of intake and sla about some complaints, and a classification of each."""
    streams: list[Stream] = []
    classified = {}
    for _ in range(draw(st.integers(1, most))):
        subject = complaint_id()
        first = event(received(), subject=subject)
        classified[first.id] = draw(classifications)
        streams += [[first, *draw(closings(subject))], draw(breaches(subject))]
    return streams, classified


@st.composite
def closings(draw: st.DrawFn, subject: ComplaintId) -> Stream:
    """Draw closings and reopenings in turn."""
    end = st.sampled_from([Resolved(outcome="upheld", resolved_at=NOON), Withdrawn()])
    turns = draw(st.integers(0, 5))
    return [event(draw(end) if turn % 2 == 0 else Reopened(), subject=subject) for turn in range(turns)]


@st.composite
def breaches(draw: st.DrawFn, subject: ComplaintId) -> Stream:
    """Draw breaches and escalation steps, with and without an escalation; the same one can occur twice."""
    return [event(facts, subject=subject) for facts in draw(st.lists(late, max_size=5))]


def interleave(draw: st.DataObject, streams: Sequence[Stream]) -> Stream:
    """Return all events in an order that keeps the order within each stream."""
    labels = [number for number, stream in enumerate(streams) for _ in stream]
    order = draw.draw(st.permutations(labels))
    waiting = [iter(stream) for stream in streams]
    return [next(waiting[number]) for number in order]


def fold(
    events: Sequence[Event[Any]], classified: dict[Any, Classification], teams: dict[str, Team] | None = None
) -> tuple[dict[Any, TriageState], TriageContext]:
    context = TriageContext(NOON, RULES, Roster(teams or RULES.teams), classified)
    states: dict[Any, TriageState] = {}
    for input_ in events:
        decision = decide(states.get(input_.subject), input_, context)
        context = decision.context or context
        if decision.state is not None:
            states[input_.subject] = decision.state
    return states, context


def concatenate(streams: Sequence[Stream]) -> Stream:
    return [input_ for stream in streams for input_ in stream]


def count_open_cases(states: dict[Any, TriageState]) -> Counter[str | None]:
    return Counter(case.handler for case in states.values() if case.is_open and case.handler)


def limit_capacity(capacity: int) -> dict[str, Team]:
    """Return the teams of the rulebook, each with two handlers of that capacity."""
    return {
        name: team.model_copy(
            update={"handlers": tuple(h.model_copy(update={"capacity": capacity}) for h in team.handlers[:2])}
        )
        for name, team in RULES.teams.items()
    }


@settings(max_examples=80, deadline=None)
@given(complaints(most=1), st.data())
def test_a_complaint_ends_in_the_same_state_for_any_order_of_topics(drawn, data) -> None:
    streams, classified = drawn
    ordered, _ = fold(concatenate(streams), classified)
    shuffled, _ = fold(interleave(data, streams), classified)
    assert shuffled == ordered


@settings(max_examples=50, deadline=None)
@given(complaints(most=6), st.data())
def test_many_complaints_end_in_the_same_states_apart_from_the_handler(drawn, data) -> None:
    streams, classified = drawn
    ordered, _ = fold(concatenate(streams), classified)
    shuffled, after = fold(interleave(data, streams), classified)
    for subject, case in ordered.items():
        other = shuffled[subject]
        assert other.model_copy(update={"handler": None}) == case.model_copy(update={"handler": None})
        assert (other.handler is None) == (case.handler is None)
        assert other.handler is None or after.roster.member(other.team or "", other.handler)


@settings(max_examples=50, deadline=None)
@given(complaints(most=8), st.integers(1, 3), st.data())
def test_the_roster_counts_exactly_the_open_cases(drawn, capacity, data) -> None:
    streams, classified = drawn
    states, after = fold(interleave(data, streams), classified, limit_capacity(capacity))
    assert +Counter(after.roster.open_cases) == count_open_cases(states)
    assert all(number >= 0 for number in after.roster.open_cases.values())


@settings(max_examples=50, deadline=None)
@given(complaints(most=8), st.data())
def test_after_ticks_no_case_waits_for_a_team_with_free_capacity(drawn, data) -> None:
    streams, classified = drawn
    states, context = fold(interleave(data, streams), classified, limit_capacity(1))
    for subject, case in states.items():
        decision = decide(case, Tick(NOON), context)
        context = decision.context or context
        assert decision.state is not None
        states[subject] = decision.state
    assert +Counter(context.roster.open_cases) == count_open_cases(states)
    for case in states.values():
        assert not (case.is_waiting and context.roster.least_loaded(case.team or ""))


@settings(max_examples=50, deadline=None)
@given(complaints(most=3), st.data())
def test_a_repeated_event_changes_nothing(drawn, data) -> None:
    streams, classified = drawn
    events = interleave(data, streams)
    doubled = [input_ for input_ in events for _ in range(2)]
    assert fold(doubled, classified) == fold(events, classified)


@settings(max_examples=40, deadline=None)
@given(complaints(most=1), st.data())
def test_escalation_levels_only_increase_and_are_published_once(drawn, data) -> None:
    streams, classified = drawn
    context = TriageContext(NOON, RULES, Roster(RULES.teams), classified)
    state: TriageState | None = None
    levels: list[int] = []
    for input_ in interleave(data, streams):
        decision = decide(state, input_, context)
        state, context = decision.state, decision.context or context
        levels += [
            new_event.facts.level for new_event in decision.events if new_event.facts.kind == "complaint.escalated"
        ]
    assert levels == sorted(set(levels))
    assert state is not None
    assert state.level == len(set(state.grounds))
    assert not set(state.grounds) & set(state.noted)
