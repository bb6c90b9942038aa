"""What a tick works out from what time has reached is what the facts say when they are asked from the beginning."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from services.sla.domain import SlaContext, SlaState, decide, evaluate
from services.sla.domain.decide import advance, summarize
from services.sla.domain.diff import ChangeCause, diff_evaluations
from services.sla.policies import load_rulebook
from shared.contracts.envelope import Event, Fact
from shared.runner.types import Tick
from tests.properties.test_sla_folds import MINUTE, START, STREAMS, Streams, interleaved, relaxed

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


@relaxed
@given(data=st.data(), streams=STREAMS, steps=st.lists(st.integers(0, 60_000), min_size=1, max_size=6))
def test_a_ledger_to_which_only_time_happened_is_the_ledger_of_its_facts(
    data: st.DataObject, streams: Streams, steps: list[int]
) -> None:
    order = data.draw(st.composite(interleaved)(streams))
    state, _ = fold(order[: data.draw(st.integers(0, len(order)))])
    now = START
    for step in steps:
        if state is None:
            return
        now += step * MINUTE + timedelta(microseconds=step % 3)
        reached = advance(state, RULEBOOK, now)
        assert reached.evaluation == evaluate(reached.state, RULEBOOK)
        state = reached.state


@relaxed
@given(streams=STREAMS, lates=st.lists(st.sampled_from([0, 0, 1, 60, 5_000]), min_size=60, max_size=60))
def test_a_tick_that_looks_only_at_what_time_has_reached_says_and_leaves_the_same(
    streams: Streams, lates: list[int]
) -> None:
    state, _ = fold([each for stream in streams for each in stream])
    for late in lates:
        if state is None or state.due_at is None:
            return
        now = max(START, state.due_at) + late * MINUTE
        before = evaluate(state, RULEBOOK)
        reached = advance(state, RULEBOOK, now)
        changes = diff_evaluations(before, reached.evaluation, SlaContext(now, RULEBOOK), ChangeCause("time"))
        old = state.replace(ahead=())  # as it was stored before states told what is ahead
        state, published = fold([Tick(now)], state)
        assert state == summarize(reached.state, evaluate(reached.state, RULEBOOK))
        assert published == [*reached.facts, *changes]
        assert fold([Tick(now)], old) == (state, published)
