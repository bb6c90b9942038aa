"""The story of one complaint, as a fold: what sla says at each step and nothing else."""

from datetime import date

from services.sla.policies import load_rulebook
from shared.contracts.events import (
    ClockStopped,
    ClockWarned,
    PromiseKept,
    PromiseMade,
    PromiseRevised,
)
from tests.unit.sla.lives import REOPENED, Life, accepted, assigned, at, proposed, received, resolved, triaged


def test_filed_on_sunday_night_promised_warned_moved_in_time_resolved_reopened_and_resolved_again() -> None:
    life = Life(load_rulebook(None, around=date(2026, 11, 1)))
    assert life.hears("Sun 23:50", received("Sun 23:50")) == []

    # Promised from working hours that exist: received on a closed day, so Monday is day 0 and the target the fourth
    # open date after it, Friday 17:00; eight more hours of work are the customer's.
    [made] = life.hears("Sun 23:50:01", triaged())
    assert isinstance(made, PromiseMade)
    assert (made.promise, made.due_at, made.policy) == (1, at("Mon+14 17:00"), "everyday")
    assert life.clock().due_at == at("Fri+7 17:00")

    # Acknowledged at once, though nobody is at work: from now on it is a promise.
    [acknowledged] = life.hears("Sun 23:50:03", accepted("Sun 23:50:02", promise=1))
    assert isinstance(acknowledged, ClockStopped)
    assert (acknowledged.clock, acknowledged.met) == ("acknowledge", True)
    [owned] = life.hears("Mon+7 09:30", assigned())
    assert isinstance(owned, ClockStopped)
    assert (owned.clock, owned.met) == ("assignment", True)
    assert life.passes_until("Wed+7 12:00") == []

    warned = life.passes_until("Thu+7 16:00")
    assert [(type(fact), fact.rung) for fact in warned] == [(ClockWarned, "50%"), (ClockWarned, "75%")]

    # It will take longer: told before the date, with the reason.
    [moved] = life.hears("Thu+7 16:10", proposed("Wed+14 15:00"))
    assert isinstance(moved, PromiseRevised)
    assert (moved.promise, moved.old_due_at, moved.due_at) == (2, made.due_at, at("Wed+14 15:00"))
    assert life.hears("Thu+7 16:11", accepted("Thu+7 16:11", "promise_moved", promise=2)) == []

    # Resolved stops our target; the promise is kept when the customer has the answer.
    [stopped] = life.hears("Fri+7 11:00", resolved("Fri+7 11:00"))
    assert isinstance(stopped, ClockStopped)
    [kept] = life.hears("Fri+7 11:01", accepted("Fri+7 11:01", "resolution"))
    assert kept == PromiseKept(promise=2, first=True)
    assert life.passes_until("Tue+14 10:00") == []

    [again] = life.hears("Tue+14 10:00", REOPENED)
    assert isinstance(again, PromiseMade)
    assert (again.promise, again.due_at) == (3, at("Tue+21 17:00"))
    assert life.clock(cycle=2).due_at == at("Mon+21 17:00")
    assert life.hears("Tue+14 10:01", accepted("Tue+14 10:01", "progress", promise=3)) == []
    stopped, kept = life.answers("Wed+14 10:00")
    assert (stopped.clock, stopped.cycle, stopped.met) == ("requester_wait", 2, True)
    assert kept == PromiseKept(promise=3, first=True)
    assert life.ledger.ahead == ()
    assert life.passes_until("Sun+70 12:00") == []
