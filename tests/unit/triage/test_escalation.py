"""Escalation by clocks: breaches and steps that raise the level, those that are only noted, and equal reasons."""

from dataclasses import replace
from typing import Any, get_args

import pytest

from services.triage.domain import Roster
from services.triage.domain.escalation import ON_BREACH
from shared.contracts.events import BreachCause, ClockKind, Escalated
from tests.unit.triage.builders import (
    classification,
    clock_breached,
    clock_escalated,
    complaint_received,
    context,
    fold,
    resolved,
)

ESCALATED_CLOCKS = (
    "assignment",
    "acknowledge",
    "agent_work",
    "requester_wait",
    "total_resolution",
    "regulatory_final",
    "stage2",
    "ombudsman_reply",
)
NOTED_CLOCKS = [clock for clock in get_args(ClockKind) if clock not in ESCALATED_CLOCKS]


def escalations(published: list[Any]) -> list[Escalated]:
    return [fact for fact in published if isinstance(fact, Escalated)]


@pytest.fixture
def case(rules):
    """Open case: its state, the context after it, and its id."""
    event = complaint_received()
    state, _, after = fold([event], context(rules, {event.id: classification()}))
    return state, after, event.subject


def test_every_clock_has_an_escalation_rule_with_a_reason() -> None:
    assert set(ON_BREACH) == set(get_args(ClockKind))
    assert {clock for clock, rule in ON_BREACH.items() if rule.escalates} == set(ESCALATED_CLOCKS)
    assert all(rule.why for rule in ON_BREACH.values())


@pytest.mark.parametrize("clock", ESCALATED_CLOCKS)
def test_a_breach_that_the_handler_cannot_repair_is_escalated(case, clock) -> None:
    state, after, subject = case
    state, published, _ = fold([clock_breached(subject, clock)], after, state)
    assert published == [Escalated(team="deliveries", level=1, reason=f"the {clock} clock was breached")]
    assert state.noted == ()


@pytest.mark.parametrize("clock", NOTED_CLOCKS)
def test_a_breach_that_the_handler_can_repair_is_noted_and_escalated_by_the_policy(case, clock) -> None:
    state, after, subject = case
    state, published, after = fold([clock_breached(subject, clock), clock_breached(subject, clock)], after, state)
    assert published == []
    assert (state.level, state.noted) == (0, (f"breach:{clock}:::1",))
    state, published, _ = fold([clock_escalated(subject, clock)], after, state)
    assert published == [Escalated(team="deliveries", level=1, reason=f"the {clock} clock reached +PT4H")]


@pytest.mark.parametrize("cause", get_args(BreachCause))
def test_a_breach_is_escalated_for_every_cause(case, cause) -> None:
    state, after, subject = case
    assert fold([clock_breached(subject, cause=cause)], after, state)[0].level == 1


def test_each_escalation_step_of_each_clock_is_one_level(case) -> None:
    state, after, subject = case
    events = [
        clock_escalated(subject),
        clock_escalated(subject),
        clock_escalated(subject, rung="+PT4H#2"),
        clock_escalated(subject, cycle=2),
        clock_escalated(subject, pack="uk"),
        clock_escalated(subject, item="maker"),
    ]
    state, published, _ = fold(events, after, state)
    assert [fact.level for fact in published] == [1, 2, 3, 4, 5]
    assert published[-1].reason == "the supplier clock of maker reached +PT4H"


def test_a_step_for_the_handler_is_not_an_escalation(case) -> None:
    state, after, subject = case
    state, published, _ = fold([clock_escalated(subject, to="handler")], after, state)
    assert (published, state.level) == ([], 0)
    assert state.noted == ("rung:supplier:::1:+PT4H",)


def test_breaches_of_two_packs_items_or_cycles_are_different_reasons(case) -> None:
    state, after, subject = case
    events = [
        clock_breached(subject),
        clock_breached(subject, pack="uk"),
        clock_breached(subject, item="2"),
        clock_breached(subject, cycle=2),
    ]
    state, published, _ = fold([*events, *events], after, state)
    assert [fact.level for fact in published] == [1, 2, 3, 4]
    assert published[1].reason == "the total_resolution clock (uk) was breached"


def test_a_waiting_case_is_escalated_to_the_lead_of_its_team(rules) -> None:
    event = complaint_received()
    full = context(rules, {event.id: classification()}, **{f"deliveries_{n}": 50 for n in range(1, 5)})
    state, _, after = fold([event], full)
    assert state.is_waiting
    state, published, _ = fold([clock_breached(event.subject, "assignment")], after, state)
    assert published == [Escalated(team="deliveries", level=1, reason="the assignment clock was breached")]
    assert state.is_waiting, "the next handler below capacity still gets it"


@pytest.mark.parametrize("team", [None, "dissolved"])
def test_a_case_without_a_team_is_escalated_to_the_screening_team(case, rules, team) -> None:
    state, _, subject = case
    without_team = state.replace(team=team, handler=None)
    empty = replace(context(rules), roster=Roster(rules.teams))
    _, published, _ = fold([clock_breached(subject, "assignment")], empty, without_team)
    assert published[0].team == rules.screening


def test_an_assignment_breach_received_before_the_complaint_takes_effect_with_it(rules) -> None:
    event = complaint_received()
    events = [
        clock_breached(event.subject, "assignment"),
        clock_escalated(event.subject),
        clock_breached(event.subject, "next_reply"),
        event,
    ]
    state, published, _ = fold(events, context(rules, {event.id: classification()}))
    assert [escalated.level for escalated in escalations(published)] == [2]
    assert state.noted == ("breach:next_reply:::1",)


def test_a_breach_after_the_closing_is_stored_and_not_published(case) -> None:
    state, after, subject = case
    state, published, _ = fold(
        [resolved(subject), clock_escalated(subject), clock_breached(subject, "supplier")], after, state
    )
    assert published == []
    assert (state.level, len(state.noted)) == (1, 1)
