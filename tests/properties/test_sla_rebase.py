"""Publications between events: no step fires twice, ended clocks and promises do not change, and a dry run predicts
what a publication does."""

from collections.abc import Sequence
from copy import deepcopy
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Any, NamedTuple

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from services.sla.audit.compare import compare_states, rebuild
from services.sla.domain import Recompute, SlaContext, SlaState, decide, evaluate
from services.sla.policies import Document, Mode, Rulebook, build_rulebook, read_file
from services.sla.rulebook.back_test import BackTestCounter
from services.sla.rulebook.dry_run import DryRunCounter
from shared.contracts.envelope import Event, Fact
from shared.contracts.events import (
    ClockBreached,
    ClockBreachVoided,
    ClockEscalated,
    ClockRebased,
    ClockWarned,
    PromiseMade,
    PromiseRevised,
)
from shared.runner.types import Tick
from tests.properties.sla_streams import COMPLAINT, MINUTE, START, STREAMS, Streams, unsaid

FAR = datetime(2028, 1, 1, tzinfo=UTC)
CHANGES = ("holiday", "shorter", "longer", "days", "reordered", "more clocks")
MODES: tuple[Mode, ...] = ("new_only", "rebase_open", "rebase_remaining")
Publication = tuple[str, Mode]
relaxed = settings(
    deadline=None,
    max_examples=40,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=[HealthCheck.too_slow],
)
publications = st.lists(st.tuples(st.sampled_from(CHANGES), st.sampled_from(MODES)), min_size=1, max_size=3)


def changed(data: dict[str, Any], change: str, number: int) -> dict[str, Any]:
    """Return the document with one change, as new versions."""
    after = deepcopy(data)
    newest = {policy["id"]: policy for policy in sorted(after["policy"], key=lambda policy: policy["version"])}
    if change == "holiday":
        office = max(
            (entry for entry in after["calendar"] if entry["id"] == "office"), key=lambda entry: entry["version"]
        )
        days = [{"on": str(date(2026, 11, 2 + 3 * number + n)), "name": "storm"} for n in range(3)]
        holidays = [*office["holidays"], *days]
        after["calendar"].append({**office, "version": office["version"] + 1, "holidays": holidays})
    elif change == "reordered":
        after["policy"] = [*after["policy"][1:-1], after["policy"][0], after["policy"][-1]]
        names = [entry["id"] for entry in after["policy"]]
        after["policy"] = after["policy"] if names[-1] == "everyday" else data["policy"]
    else:
        goals = {"shorter": {"business": "PT3H"}, "longer": {"business": "PT60H"}, "days": {"business_days": 7}}
        for entry in newest.values():
            clocks = [_goal(clock, goals[change]) if change in goals else clock for clock in entry["clocks"]]
            more = [{"kind": "total_resolution", "goal": {"business": "PT30H"}, "rungs": [60]}]
            kinds = {clock["kind"] for clock in clocks}
            clocks += [] if change in goals or "total_resolution" in kinds else more
            after["policy"].insert(-1, {**entry, "version": entry["version"] + 1, "clocks": clocks})
    return after


def _goal(clock: dict[str, Any], goal: dict[str, Any]) -> dict[str, Any]:
    return {**clock, "goal": goal} if clock["kind"] == "requester_wait" else clock


@lru_cache(maxsize=512)
def documents(published: tuple[Publication, ...]) -> tuple[Document, ...]:
    data = read_file(None)
    result = [Document(data)]
    for number, (change, mode) in enumerate(published, start=2):
        data = changed(data, change, number)
        result.append(Document(data, number=number, mode=mode, reason=change, actor="ann"))
    return tuple(result)


@lru_cache(maxsize=512)
def book(published: tuple[Publication, ...]) -> Rulebook:
    entries = book(published[:-1]) if published else None
    return build_rulebook(documents(published), around=date(2026, 11, 1), previous=entries)


class Lived(NamedTuple):
    """Complaint up to a time: its state, the published facts, and the number of publications applied to it."""

    state: SlaState | None
    facts: list[Fact]
    published: int


def in_order(streams: Streams) -> list[Event[Any]]:
    return sorted((other for stream in streams for other in stream), key=lambda each_entry: each_entry.time)


def step(lived: Lived, given_: Any, now: datetime, rulebook: Rulebook) -> Lived:
    decision = decide(lived.state, given_, SlaContext(now, rulebook))
    return Lived(decision.state, [*lived.facts, *(say.facts for say in decision.events)], lived.published)


def drained(lived: Lived, until: datetime, rulebook: Rulebook) -> Lived:
    """Fire every timer until that time, each when it is due."""
    for _ in range(500):
        at = lived.state.due_at if lived.state else None
        if at is None or at > until:
            return lived
        lived = step(lived, Tick(at), at, rulebook)
    raise AssertionError("time alone has something to say for ever")


def untouched(before: SlaState, after: SlaState, rulebook: Rulebook, now: datetime) -> None:
    """Check that promises and ended clocks stay; time alone may have broken some promises meanwhile."""
    for name in ("promises", "tellings", "proposals", "extensions", "moments", "triages"):
        assert getattr(before, name) == getattr(after, name)
    then = evaluate(before.replace(reached_at=max(now, before.reached_at or now)), rulebook)
    here = evaluate(after, rulebook)
    assert then.promise_statuses == here.promise_statuses
    ended = {
        element.key: (element.phase, element.due_at, element.ended_at, element.breached)
        for element in then.clocks
        if not element.is_open
    }
    kept = {
        value.key: (value.phase, value.due_at, value.ended_at, value.breached)
        for value in here.clocks
        if value.key in ended
    }
    assert kept == ended


def rebased(lived: Lived, now: datetime, rulebook: Rulebook) -> Lived:
    assert lived.state
    after = step(lived, Recompute(COMPLAINT), now, rulebook)
    assert after.state
    if after.state is lived.state:
        assert after.facts == lived.facts
        return after
    untouched(lived.state, after.state, rulebook, now)
    assert not [
        each_fact
        for each_fact in after.facts[len(lived.facts) :]
        if isinstance(each_fact, PromiseMade | PromiseRevised)
    ]
    again = step(after, Recompute(COMPLAINT), now, rulebook)
    assert (again.state, again.facts) == (after.state, after.facts)
    return after


def lived_through(data: st.DataObject, events: Sequence[Event[Any]], published: tuple[Publication, ...]) -> Lived:
    """Draw a complaint with publications between its events; timers and the worker are sometimes late."""
    lived, now = Lived(None, [], 0), START
    for event in events:
        if lived.published < len(published) and data.draw(st.integers(0, 2)) == 0:
            lived = lived._replace(published=lived.published + 1)
        rulebook = book(published[: lived.published])
        now = max(now, event.time)
        if data.draw(st.booleans()):
            lived = drained(lived, now, rulebook)
        if lived.state and lived.state.terms and data.draw(st.booleans()):
            lived = rebased(lived, now, rulebook)
        lived = step(lived, event, now, rulebook)
    return lived._replace(published=len(published))


@relaxed
@given(data=st.data(), streams=STREAMS, published=publications)
def test_no_step_fires_twice_and_the_stored_state_equals_the_rebuilt_one(
    data: st.DataObject, streams: Streams, published: list[Publication]
) -> None:
    events = in_order(streams)
    lived = lived_through(data, events, tuple(published))
    rulebook = book(tuple(published))
    now = max((each_event.time for each_event in events), default=START)
    if lived.state and lived.state.terms:
        lived = rebased(lived, now, rulebook)
    lived = drained(lived, FAR, rulebook)
    rungs = [
        (type(fact), fact.pack, fact.clock, fact.item, fact.cycle, fact.rung)
        for fact in lived.facts
        if isinstance(fact, ClockWarned | ClockEscalated)
    ]
    assert len(rungs) == len(set(rungs))
    if lived.state:
        again = SlaState.model_validate_json(lived.state.model_dump_json(exclude_none=True))
        outcome = compare_states(again, rebuild(None, COMPLAINT, events), rulebook, lived.facts)
        assert [each_entry.what for each_entry in outcome if each_entry.what not in unsaid(again, lived.facts)] == []


@relaxed
@given(data=st.data(), streams=STREAMS, published=publications)
def test_a_dry_run_predicts_what_a_publication_does(
    data: st.DataObject, streams: Streams, published: list[Publication]
) -> None:
    events = in_order(streams)[: data.draw(st.integers(1, 12))]
    lived = lived_through(data, events, tuple(published[:-1]))
    before, after = book(tuple(published[:-1])), book(tuple(published))
    now = max(each_event.time for each_event in events) + data.draw(st.integers(0, 5000)) * MINUTE
    lived = drained(lived, now, before)
    if not lived.state or not lived.state.terms:
        return
    lived = rebased(step(lived, Tick(now), now, before), now, before)
    assert lived.state
    tally = DryRunCounter(before, after, now)
    tally.add(lived.state)
    report = tally.report()
    then = step(Lived(lived.state, [], 0), Recompute(COMPLAINT), now, after)
    facts = then.facts

    def count(kind: type[Fact]) -> int:
        return sum(isinstance(each_fact, kind) for each_fact in facts)

    assert report.promises_touched == 0
    assert report.breach_voided == count(ClockBreachVoided)
    assert report.breached_now == count(ClockBreached)
    books = (evaluate(lived.state, before), evaluate(then.state, after))
    if not any(
        each_clock.phase == "paused" for book_ in books for each_clock in book_.clocks
    ):  # those have no due time to tell
        assert report.earlier + report.later == count(ClockRebased)
        assert report.rungs_now == len(
            {
                (fact.clock, fact.pack, fact.cycle, fact.item)
                for fact in facts
                if isinstance(fact, ClockWarned | ClockEscalated)
            }
        )
    if published[-1][1] == "new_only":
        assert facts == []


@relaxed
@given(streams=STREAMS, ahead=st.integers(0, 50_000))
def test_a_back_test_of_the_same_rulebook_has_no_differences(streams: Streams, ahead: int) -> None:
    lived, now = Lived(None, [], 0), START
    for each in in_order(streams):
        now = max(now, each.time)
        lived = step(drained(lived, now, book(())), each, now, book(()))
    now += ahead * MINUTE
    lived = drained(lived, now, book(()))
    if not lived.state:
        return
    tally = BackTestCounter(
        book(()), build_rulebook(documents(()), around=date(2026, 11, 1), previous=book(())), now, 30
    )
    tally.add(lived.state)
    report = tally.report()
    assert (report.gained, report.lost, report.load) == (0, 0, [])
    assert all(each.before == each.after for each in (*report.breaches, *report.letters))
    assert (report.promises.earlier, report.promises.later) == (0, 0)
    assert (report.promises.kept, report.promises.broken) == (
        report.promises.kept_instead,
        report.promises.broken_instead,
    )
