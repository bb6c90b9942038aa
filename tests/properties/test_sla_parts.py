"""A partial recomputation after a change of calendars equals a whole one."""

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.sla.domain import Recompute, SlaContext, SlaState, decide, evaluate
from services.sla.domain.apply import apply_publications
from services.sla.domain.context import ChangeCause
from services.sla.domain.decide import diff_evaluations
from services.sla.domain.evaluation import summarize
from services.sla.domain.incremental import calendar_change
from services.sla.policies import Document, build_rulebook, read_file
from services.sla.rulebook.dry_run import DryRunCounter
from tests.properties.sla_streams import COMPLAINT, MINUTE, START, STREAMS, Streams, interleaved, relaxed
from tests.properties.test_sla_time import advance, fold

AROUND = date(2026, 11, 1)
FIRST = read_file(None, ("uk-disp", "ie-cpc"))


def changed(*, calendar: bool = True, policy: bool = False) -> dict[str, Any]:
    """Return the next document: the office closes on three days, or an everyday answer takes longer."""
    data = {name: list(entries) for name, entries in FIRST.items()}
    if calendar:
        office = next(each for each in data["calendar"] if each["id"] == "office")
        closed = [{"on": day, "name": "Storm"} for day in ("2026-11-04", "2026-11-09", "2026-11-17")]
        data["calendar"].append({**office, "version": 2, "holidays": [*office["holidays"], *closed]})
    if policy:
        everyday = next(element for element in data["policy"] if element["id"] == "everyday")
        rules = [*everyday["clocks"][:-1], {**everyday["clocks"][-1], "goal": {"business_days": 6}}]
        data["policy"].append({**everyday, "version": 2, "clocks": rules})
    return data


def books(mode: Any, data: dict[str, Any]) -> Any:
    first = Document(FIRST, number=1)
    return build_rulebook([first, Document(data, number=2, mode=mode, reason="storm", actor="x")], around=AROUND)


ONE = build_rulebook([Document(FIRST, number=1)], around=AROUND)
BOOKS = {
    "other calendars": books("rebase_open", changed()),
    "another policy": books("rebase_open", changed(calendar=False, policy=True)),
    "both": books("rebase_open", changed(policy=True)),
    "with what is left": books("rebase_remaining", changed()),
}


def whole(state: SlaState, context: SlaContext) -> tuple[SlaState, list[Any]]:
    """Recompute the whole complaint."""
    moved = apply_publications(state, context.now, context.rulebook)
    before = evaluate(state, context.rulebook)
    after, evaluation, facts = advance(moved, context.rulebook, context.now)
    by = context.rulebook.current
    changes = diff_evaluations(before, evaluation, context, ChangeCause("published", actor=by.actor, reason=by.reason))
    return summarize(after, evaluate(after, context.rulebook)), [*facts, *changes]


@pytest.mark.parametrize("what", BOOKS)
@relaxed
@given(data=st.data(), streams=STREAMS, later=st.integers(-3_000, 30_000))
def test_a_partial_recompute_equals_a_whole_one(what: str, data: st.DataObject, streams: Streams, later: int) -> None:
    order = data.draw(st.composite(interleaved)(streams))
    order = order[: data.draw(st.integers(0, len(order)))]
    state, _ = fold(order)
    if state is None or not state.terms:
        return
    now = max(START, *(event.time for event in order)) + later * MINUTE + timedelta(microseconds=1)
    context = SlaContext(max(now, START), BOOKS[what])
    decision = decide(state, Recompute(COMPLAINT), context)
    expected, facts = whole(state, context)
    assert decision.state == expected
    assert [say.facts for say in decision.events] == facts
    again = decide(decision.state, Recompute(COMPLAINT), context)
    assert (again.state, again.events) == (decision.state, ())


@pytest.mark.parametrize("what", BOOKS)
@relaxed
@given(data=st.data(), streams=STREAMS, later=st.integers(-3_000, 30_000))
def test_a_partial_dry_run_equals_a_whole_one(what: str, data: st.DataObject, streams: Streams, later: int) -> None:
    order = data.draw(st.composite(interleaved)(streams))
    state, _ = fold(order)
    if state is None or not state.terms:
        return
    now = max(START, *(value.time for value in order)) + later * MINUTE + timedelta(microseconds=1)
    reports = []
    for part in (calendar_change, lambda *_: None):
        tally = DryRunCounter(ONE, BOOKS[what], max(now, START))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("services.sla.rulebook.dry_run.calendar_change", part)
            tally.add(state)
        reports.append(tally.report())
    assert reports[0] == reports[1]


def test_the_holidays_of_this_test_change_opening_hours() -> None:
    """Without a change of opening hours the properties above would hold trivially."""
    old, new = (book.calendar("office", revision) for book in [BOOKS["other calendars"]] for revision in (1, 2))
    assert old.elapsed(1_793_600_000, 1_795_600_000) - new.elapsed(1_793_600_000, 1_795_600_000) >= 3 * 8 * 3600
