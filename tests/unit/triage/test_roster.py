"""Assignment by load: equal shares, no load above capacity, and a stable choice between equal handlers."""

from collections import Counter

import pytest

from services.triage.domain import Roster
from services.triage.rulebook import Handler, Lead, Team
from tests.unit.triage.builders import classification, complaint_received, context, fold


def team(*capacities: int) -> dict[str, Team]:
    handlers = tuple(
        Handler(id=f"h-{n}", name=f"Handler {n}", email="h@example.com", capacity=capacity)
        for n, capacity in enumerate(capacities)
    )
    return {"t": Team(title="T", lead=Lead(id="lead", name="Lead", email="l@example.com"), handlers=handlers)}


def assign_cases(roster: Roster, cases: int) -> Counter[str | None]:
    counts: Counter[str | None] = Counter()
    for _ in range(cases):
        chosen = roster.least_loaded("t")
        counts[chosen.id if chosen else None] += 1
        roster = roster.take(chosen.id if chosen else None)
    return counts


def test_a_hundred_complaints_over_four_handlers_differ_by_at_most_one(rules) -> None:
    events = [complaint_received() for _ in range(102)]
    now = context(rules, {event.id: classification() for event in events})
    for event in events:
        _, _, now = fold([event], now)
    loads = [now.roster.load(handler.id) for handler in rules.teams["deliveries"].handlers]
    assert sum(loads) == 102
    assert max(loads) - min(loads) <= 1


def test_no_handler_gets_more_than_their_capacity() -> None:
    assert assign_cases(Roster(team(2, 3)), 10) == {"h-0": 2, "h-1": 3, None: 5}


def test_a_handler_with_more_capacity_gets_a_larger_share() -> None:
    assert assign_cases(Roster(team(10, 20)), 15) == {"h-0": 5, "h-1": 10}


def test_ties_go_to_the_first_id() -> None:
    assert Roster(team(5, 5)).least_loaded("t").id == "h-0"
    assert Roster(team(5, 5), {"h-0": 1}).least_loaded("t").id == "h-1"


def test_a_roster_is_immutable() -> None:
    before = Roster(team(5))
    after = before.take("h-0").take("h-0").release("h-0")
    assert (before.load("h-0"), after.load("h-0"), after.changes) == (0, 1, {"h-0": 1})
    assert before.take(None) is before


@pytest.mark.parametrize("name", ["no-such-team", ""])
def test_a_team_that_is_not_in_the_rulebook_has_no_handlers(name) -> None:
    assert Roster(team(5)).least_loaded(name) is None
    assert Roster(team(5)).member(name, "h-0") is None
