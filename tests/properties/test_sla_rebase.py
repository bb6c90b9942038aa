"""Rulebooks published in the middle of lives: no rung twice, closed clocks as they were, promises untouched, and a dry
run that says beforehand just what then happens."""

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
from tests.properties.test_sla_folds import COMPLAINT, MINUTE, START, STREAMS, Streams, unsaid

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
    """The document with one thing changed, as new versions."""
    after = deepcopy(data)
    newest = {one["id"]: one for one in sorted(after["policy"], key=lambda one: one["version"])}
    if change == "holiday":
        office = max((one for one in after["calendar"] if one["id"] == "office"), key=lambda one: one["version"])
        days = [{"on": str(date(2026, 11, 2 + 3 * number + n)), "name": "storm"} for n in range(3)]
        holidays = [*office["holidays"], *days]
        after["calendar"].append({**office, "version": office["version"] + 1, "holidays": holidays})
    elif change == "reordered":
        after["policy"] = [*after["policy"][1:-1], after["policy"][0], after["policy"][-1]]
        names = [one["id"] for one in after["policy"]]
        after["policy"] = after["policy"] if names[-1] == "everyday" else data["policy"]
    else:
        goals = {"shorter": {"business": "PT3H"}, "longer": {"business": "PT60H"}, "days": {"business_days": 7}}
        for one in newest.values():
            clocks = [_goal(clock, goals[change]) if change in goals else clock for clock in one["clocks"]]
            more = [{"kind": "total_resolution", "goal": {"business": "PT30H"}, "rungs": [60]}]
            kinds = {clock["kind"] for clock in clocks}
            clocks += [] if change in goals or "total_resolution" in kinds else more
            after["policy"].insert(-1, {**one, "version": one["version"] + 1, "clocks": clocks})
    return after


def _goal(clock: dict[str, Any], goal: dict[str, Any]) -> dict[str, Any]:
    return {**clock, "goal": goal} if clock["kind"] == "requester_wait" else clock


@lru_cache(maxsize=512)
def documents(published: tuple[Publication, ...]) -> tuple[Document, ...]:
    data = read_file(None)
    found = [Document(data)]
    for number, (change, mode) in enumerate(published, start=2):
        data = changed(data, change, number)
        found.append(Document(data, number=number, mode=mode, reason=change, actor="ann"))
    return tuple(found)


@lru_cache(maxsize=512)
def book(published: tuple[Publication, ...]) -> Rulebook:
    known = book(published[:-1]) if published else None
    return build_rulebook(documents(published), around=date(2026, 11, 1), previous=known)


class Lived(NamedTuple):
    """A life up to a moment: its state, everything said, and how many publications it has met."""

    state: SlaState | None
    said: list[Fact]
    published: int


def in_order(streams: Streams) -> list[Event[Any]]:
    return sorted((one for stream in streams for one in stream), key=lambda one: one.time)


def step(lived: Lived, given_: Any, now: datetime, rulebook: Rulebook) -> Lived:
    decision = decide(lived.state, given_, SlaContext(now, rulebook))
    return Lived(decision.state, [*lived.said, *(say.facts for say in decision.events)], lived.published)


def drained(lived: Lived, until: datetime, rulebook: Rulebook) -> Lived:
    """Time goes by from one due moment to the next, as timers see it."""
    for _ in range(500):
        at = lived.state.due_at if lived.state else None
        if at is None or at > until:
            return lived
        lived = step(lived, Tick(at), at, rulebook)
    raise AssertionError("time alone has something to say for ever")


def untouched(before: SlaState, after: SlaState, rulebook: Rulebook, now: datetime) -> None:
    """A publication leaves promises and what has ended as they are; time alone may have broken some meanwhile."""
    for name in ("promises", "tellings", "proposals", "extensions", "moments", "triages"):
        assert getattr(before, name) == getattr(after, name)
    then = evaluate(before.replace(reached_at=max(now, before.reached_at or now)), rulebook)
    here = evaluate(after, rulebook)
    assert then.promise_statuses == here.promise_statuses
    ended = {one.key: (one.phase, one.due_at, one.ended_at, one.breached) for one in then.clocks if not one.is_open}
    kept = {one.key: (one.phase, one.due_at, one.ended_at, one.breached) for one in here.clocks if one.key in ended}
    assert kept == ended


def rebased(lived: Lived, now: datetime, rulebook: Rulebook) -> Lived:
    assert lived.state
    after = step(lived, Recompute(COMPLAINT), now, rulebook)
    assert after.state
    if after.state is lived.state:
        assert after.said == lived.said
        return after
    untouched(lived.state, after.state, rulebook, now)
    assert not [one for one in after.said[len(lived.said) :] if isinstance(one, PromiseMade | PromiseRevised)]
    again = step(after, Recompute(COMPLAINT), now, rulebook)
    assert (again.state, again.said) == (after.state, after.said)
    return after


def lived_through(data: st.DataObject, events: Sequence[Event[Any]], published: tuple[Publication, ...]) -> Lived:
    """A life with publications in it; timers and the worker are now on time and now late."""
    lived, now = Lived(None, [], 0), START
    for one in events:
        if lived.published < len(published) and data.draw(st.integers(0, 2)) == 0:
            lived = lived._replace(published=lived.published + 1)
        rulebook = book(published[: lived.published])
        now = max(now, one.time)
        if data.draw(st.booleans()):
            lived = drained(lived, now, rulebook)
        if lived.state and lived.state.terms and data.draw(st.booleans()):
            lived = rebased(lived, now, rulebook)
        lived = step(lived, one, now, rulebook)
    return lived._replace(published=len(published))


@relaxed
@given(data=st.data(), streams=STREAMS, published=publications)
def test_no_rung_fires_twice_and_what_is_stored_is_what_the_events_say(
    data: st.DataObject, streams: Streams, published: list[Publication]
) -> None:
    events = in_order(streams)
    lived = lived_through(data, events, tuple(published))
    rulebook = book(tuple(published))
    now = max((one.time for one in events), default=START)
    if lived.state and lived.state.terms:
        lived = rebased(lived, now, rulebook)
    lived = drained(lived, FAR, rulebook)
    rungs = [
        (type(one), one.pack, one.clock, one.item, one.cycle, one.rung)
        for one in lived.said
        if isinstance(one, ClockWarned | ClockEscalated)
    ]
    assert len(rungs) == len(set(rungs))
    if lived.state:
        again = SlaState.model_validate_json(lived.state.model_dump_json(exclude_none=True))
        found = compare_states(again, rebuild(None, COMPLAINT, events), rulebook, lived.said)
        assert [one.what for one in found if one.what not in unsaid(again, lived.said)] == []


@relaxed
@given(data=st.data(), streams=STREAMS, published=publications)
def test_a_dry_run_says_beforehand_what_a_publication_does(
    data: st.DataObject, streams: Streams, published: list[Publication]
) -> None:
    events = in_order(streams)[: data.draw(st.integers(1, 12))]
    lived = lived_through(data, events, tuple(published[:-1]))
    before, after = book(tuple(published[:-1])), book(tuple(published))
    now = max(one.time for one in events) + data.draw(st.integers(0, 5000)) * MINUTE
    lived = drained(lived, now, before)
    if not lived.state or not lived.state.terms:
        return
    lived = rebased(step(lived, Tick(now), now, before), now, before)
    assert lived.state
    tally = DryRunCounter(before, after, now)
    tally.add(lived.state)
    report = tally.report()
    then = step(Lived(lived.state, [], 0), Recompute(COMPLAINT), now, after)
    said = then.said

    def count(kind: type[Fact]) -> int:
        return sum(isinstance(one, kind) for one in said)

    assert report.promises_touched == 0
    assert report.breach_voided == count(ClockBreachVoided)
    assert report.breached_now == count(ClockBreached)
    books = (evaluate(lived.state, before), evaluate(then.state, after))
    if not any(one.phase == "paused" for book_ in books for one in book_.clocks):  # those have no due time to tell
        assert report.earlier + report.later == count(ClockRebased)
        assert report.rungs_now == len(
            {
                (one.clock, one.pack, one.cycle, one.item)
                for one in said
                if isinstance(one, ClockWarned | ClockEscalated)
            }
        )
    if published[-1][1] == "new_only":
        assert said == []


@relaxed
@given(streams=STREAMS, ahead=st.integers(0, 50_000))
def test_back_testing_the_rulebook_that_decided_gains_and_loses_nothing(streams: Streams, ahead: int) -> None:
    lived, now = Lived(None, [], 0), START
    for one in in_order(streams):
        now = max(now, one.time)
        lived = step(drained(lived, now, book(())), one, now, book(()))
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
    assert all(one.before == one.after for one in (*report.breaches, *report.letters))
    assert (report.promises.earlier, report.promises.later) == (0, 0)
    assert (report.promises.kept, report.promises.broken) == (
        report.promises.kept_instead,
        report.promises.broken_instead,
    )
