"""What a tick works out from the ledger before it is what the facts say when they are asked from the beginning."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from services.sla.domain import ledger
from services.sla.domain.decide import noted
from services.sla.domain.ticking import reach
from shared.runner.decision import Tick
from tests.properties.test_sla_folds import MINUTE, RULEBOOK, START, STREAMS, Streams, fold, interleaved, relaxed


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
        reached = reach(state, ledger(state, RULEBOOK), RULEBOOK, now)
        assert reached.book == ledger(reached.state, RULEBOOK)
        state = reached.state


@relaxed
@given(streams=STREAMS)
def test_and_so_it_is_from_due_moment_to_due_moment(streams: Streams) -> None:
    state, _ = fold([one for stream in streams for one in stream])
    for _ in range(60):
        if state is None or state.due_at is None:
            return
        now = max(START, state.due_at)
        reached = reach(state, ledger(state, RULEBOOK), RULEBOOK, now)
        assert reached.book == ledger(reached.state, RULEBOOK)
        state, _ = fold([Tick(now)], state)
        assert state == noted(reached.state, reached.book), "to leave out what has ended makes no difference"
