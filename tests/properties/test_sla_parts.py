"""A publication that only moves calendars works out a part of each complaint, and comes to what all of it would."""

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.sla.domain import Recompute, SlaContext, SlaState, decide, evaluate
from services.sla.domain.decide import advance, summarize
from services.sla.domain.diff import ChangeCause, diff_evaluations
from services.sla.domain.incremental import calendar_change
from services.sla.domain.terms import apply_publications
from services.sla.policies import Document, build_rulebook, read_file
from services.sla.rulebook.dry_run import DryRunCounter
from tests.properties.test_sla_folds import COMPLAINT, MINUTE, START, STREAMS, Streams, interleaved, relaxed
from tests.properties.test_sla_time import fold

AROUND = date(2026, 11, 1)
FIRST = read_file(None, ("uk-disp", "ie-cpc"))


def changed(*, calendar: bool = True, policy: bool = False) -> dict[str, Any]:
    """The next document: the office closes on three days, or an everyday answer takes longer."""
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
    """The same without leaving anything out."""
    moved = apply_publications(state, context.now, context.rulebook)
    before = evaluate(state, context.rulebook)
    reached = advance(moved, context.rulebook, context.now)
    by = context.rulebook.current
    changes = diff_evaluations(
        before, reached.evaluation, context, ChangeCause("published", actor=by.actor, reason=by.reason)
    )
    return summarize(reached.state, evaluate(reached.state, context.rulebook)), [*reached.facts, *changes]


@pytest.mark.parametrize("what", BOOKS)
@relaxed
@given(data=st.data(), streams=STREAMS, later=st.integers(-3_000, 30_000))
def test_what_is_left_out_makes_no_difference(what: str, data: st.DataObject, streams: Streams, later: int) -> None:
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
def test_nor_in_a_dry_run(what: str, data: st.DataObject, streams: Streams, later: int) -> None:
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


def test_it_is_worth_it() -> None:
    """Somebody is moved by the holidays, or the property above would hold for nothing."""
    old, new = (book.calendar("office", revision) for book in [BOOKS["other calendars"]] for revision in (1, 2))
    assert old.elapsed(1_793_600_000, 1_795_600_000) - new.elapsed(1_793_600_000, 1_795_600_000) >= 3 * 8 * 3600
