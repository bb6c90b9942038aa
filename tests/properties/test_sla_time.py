"""The partial evaluation of a tick equals a whole evaluation of the state."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from services.sla.domain import Evaluation, SlaContext, SlaState, decide, evaluate
from services.sla.domain.context import ChangeCause
from services.sla.domain.decide import diff_evaluations
from services.sla.domain.evaluation import summarize
from services.sla.domain.incremental import fire, reach
from services.sla.policies import Rulebook, load_rulebook
from shared.contracts.envelope import Event, Fact
from shared.runner.types import Tick
from tests.properties.sla_streams import MINUTE, START, STREAMS, Streams, interleaved, relaxed

RULEBOOK = load_rulebook(
    None, around=date(2026, 11, 1), packs=("uk-disp", "ie-cpc")
)  # with letters, and clocks that repeat


def fold(events: Sequence[Event[Any] | Tick], state: SlaState | None = None) -> tuple[SlaState | None, list[Fact]]:
    facts: list[Fact] = []
    now = START
    for event in events:
        now = max(now, event.now if isinstance(event, Tick) else event.time)
        decision = decide(state, event, SlaContext(now, RULEBOOK))
        state = decision.state
        facts += [say.facts for say in decision.events]
    return state, facts


def advance(state: SlaState, rulebook: Rulebook, now: datetime) -> tuple[SlaState, Evaluation, tuple[Fact, ...]]:
    """Evaluate the whole state at `now` and fire what is due."""
    reached = reach(state, now)
    return fire(reached, evaluate(reached, rulebook), now)


@relaxed
@given(data=st.data(), streams=STREAMS, steps=st.lists(st.integers(0, 60_000), min_size=1, max_size=6))
def test_after_time_has_passed_the_evaluation_is_that_of_the_state(
    data: st.DataObject, streams: Streams, steps: list[int]
) -> None:
    order = data.draw(st.composite(interleaved)(streams))
    state, _ = fold(order[: data.draw(st.integers(0, len(order)))])
    now = START
    for step in steps:
        if state is None:
            return
        now += step * MINUTE + timedelta(microseconds=step % 3)
        state, evaluation, _ = advance(state, RULEBOOK, now)
        assert evaluation == evaluate(state, RULEBOOK)


@relaxed
@given(streams=STREAMS, lates=st.lists(st.sampled_from([0, 0, 1, 60, 5_000]), min_size=60, max_size=60))
def test_a_partial_tick_equals_a_whole_one(streams: Streams, lates: list[int]) -> None:
    state, _ = fold([each for stream in streams for each in stream])
    for late in lates:
        if state is None or state.due_at is None:
            return
        now = max(START, state.due_at) + late * MINUTE
        before = evaluate(state, RULEBOOK)
        after, evaluation, fired = advance(state, RULEBOOK, now)
        changes = diff_evaluations(before, evaluation, SlaContext(now, RULEBOOK), ChangeCause("time"))
        old = state.replace(ahead=())  # as it was stored before states told what is ahead
        state, published = fold([Tick(now)], state)
        assert state == summarize(after, evaluate(after, RULEBOOK))
        assert published == [*fired, *changes]
        assert fold([Tick(now)], old) == (state, published)
