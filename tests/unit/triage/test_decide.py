"""Decisions of triage: events, ticks and decisions of a person."""

from datetime import timedelta

import pytest

from services.triage.domain import DecideCase, TriageState, decide
from shared.contracts.events import Assigned, Escalated, ScreeningRequested, Triaged
from shared.errors import IllegalMove, NotFound, Rejected
from shared.runner.types import Command, Tick
from tests.factories import NOON, complaint_id
from tests.unit.triage.builders import (
    classification,
    clock_breached,
    complaint_received,
    context,
    fold,
    reopened,
    resolved,
    withdrawn,
)


def kinds(published):
    return [type(fact) for fact in published]


def open_case(rules, **changes):
    """Return a received complaint: its state, the published facts, the context after it, and its id."""
    event = complaint_received()
    state, published, after = fold([event], context(rules, {event.id: classification(**changes)}))
    return state, published, after, event.subject


def test_a_clear_complaint_is_triaged_and_assigned_to_the_owner(rules) -> None:
    state, published, after, _ = open_case(rules)
    assert kinds(published) == [Triaged, Assigned]
    assert published[0].category == ("delivery",)
    assert (published[0].decided_by, published[0].decider_version) == ("rules", "1-test")
    assert (published[1].team, published[1].handler) == ("deliveries", "deliveries-1")
    assert state.is_open
    assert after.roster.changes == {"deliveries-1": 1}


def test_contact_data_of_the_handler_is_published_only_as_staff_data(rules) -> None:
    event = complaint_received()
    events = decide(None, event, context(rules, {event.id: classification()})).events
    assert events[1].personal[0].fields.email == "handler-1.deliveries@example.com"
    assert events[1].parties[0].role == "handler"
    assert "@" not in events[1].facts.model_dump_json()
    assert not events[0].personal


def test_a_complaint_of_low_confidence_is_assigned_to_screening_with_candidates(rules) -> None:
    state, published, *_ = open_case(rules, confidence=0.2)
    assert kinds(published) == [Triaged, ScreeningRequested, Assigned]
    assert published[1].candidates == ("delivery", "refund")
    assert published[2].team == rules.screening
    assert state.screening


def test_confidence_at_the_threshold_is_enough(rules) -> None:
    state, *_ = open_case(rules, confidence=context(rules).threshold)
    assert not state.screening


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"signals": ("vulnerable",)}, "vulnerable"),
        ({"signals": ("abuse",)}, "abuse"),
        ({"signals": ("safety",)}, "critical"),
        ({"signals": ("vulnerable", "safety", "abuse")}, "critical, vulnerable, abuse"),
        ({"category": "fraud", "large_amount": True}, "critical"),
    ],
)
def test_an_urgent_case_is_escalated_at_once(rules, changes, reason) -> None:
    state, published, *_ = open_case(rules, **changes)
    assert published[-1] == Escalated(team=state.team, level=1, reason=reason)


@pytest.mark.parametrize("signals", [(), ("repeat",), ("legal_threat",)])
def test_a_case_that_is_not_urgent_stays_with_the_handler(rules, signals) -> None:
    _, published, *_ = open_case(rules, signals=signals)
    assert Escalated not in kinds(published)


def test_a_case_of_a_full_team_waits_until_a_handler_has_capacity(rules) -> None:
    event = complaint_received()
    full = {f"deliveries_{n}": 50 for n in range(1, 5)}
    state, published, _ = fold([event], context(rules, {event.id: classification()}, **full))
    assert published[-1].team == "deliveries"
    assert published[-1].handler is None
    assert "below capacity" in published[-1].why
    assert state.is_waiting
    assert decide(state, Tick(NOON), context(rules, **full)).state is state

    state, published, after = fold([Tick(NOON)], context(rules, **{**full, "deliveries_3": 49}), state)
    assert published == [Assigned(team="deliveries", handler="deliveries-3", why=published[0].why)]
    assert after.roster.load("deliveries-3") == 50
    assert not state.is_waiting


@pytest.mark.parametrize("end", [resolved, withdrawn])
def test_closing_a_case_frees_capacity_of_its_handler_once(rules, end) -> None:
    state, _, after, subject = open_case(rules)
    state, published, after = fold([end(subject)], after, state)
    assert published == []
    assert not state.is_open
    assert after.roster.load("deliveries-1") == 0
    assert fold([end(subject)], after, state)[2].roster.load("deliveries-1") == 0, "once only"


def test_a_reopened_case_keeps_its_handler_and_is_escalated(rules) -> None:
    state, _, after, subject = open_case(rules)
    state, published, after = fold([resolved(subject), reopened(subject)], after, state)
    assert published == [Escalated(team="deliveries", level=1, reason="it was reopened")]
    assert (state.handler, after.roster.load("deliveries-1")) == ("deliveries-1", 1)
    state, published, _ = fold([resolved(subject), reopened(subject)], after, state)
    assert published[0].level == 2, "every failed resolution is one level"


def test_a_reopened_case_keeps_its_handler_even_above_capacity(rules) -> None:
    state, _, after, subject = open_case(rules)
    state, _, _ = fold([resolved(subject)], after, state)
    state, published, after = fold([reopened(subject)], context(rules, deliveries_1=50), state)
    assert after.roster.load("deliveries-1") == 51
    assert kinds(published) == [Escalated]


def test_a_case_reopened_before_its_first_assignment_is_assigned(rules) -> None:
    event = complaint_received()
    full = context(rules, {event.id: classification()}, **{f"deliveries_{n}": 50 for n in range(1, 5)})
    state, _, _ = fold([event, resolved(event.subject)], full)
    state, published, _ = fold([reopened(event.subject)], context(rules), state)
    assert kinds(published) == [Assigned, Escalated]
    assert state.handler == "deliveries-1"


def test_a_breach_raises_the_level_once_per_clock_and_cycle(rules) -> None:
    state, _, after, subject = open_case(rules)
    events = [
        clock_breached(subject),
        clock_breached(subject),
        clock_breached(subject, "acknowledge"),
        clock_breached(subject, cycle=2),
    ]
    state, published, _ = fold(events, after, state)
    assert [fact.level for fact in published] == [1, 2, 3]
    assert published[0].reason == "the total_resolution clock was breached"


def test_a_breach_of_a_closed_case_raises_the_level_and_is_not_published(rules) -> None:
    state, _, after, subject = open_case(rules)
    state, published, after = fold([resolved(subject), clock_breached(subject)], after, state)
    assert published == []
    assert state.level == 1
    assert fold([reopened(subject)], after, state)[1][0].level == 2


def test_a_breach_received_before_the_complaint_takes_effect_with_it(rules) -> None:
    event = complaint_received()
    state, published, after = fold([clock_breached(event.subject)], context(rules, {event.id: classification()}))
    assert published == []
    assert not state.is_open
    _, published, _ = fold([event], after, state)
    assert kinds(published) == [Triaged, Assigned, Escalated]
    assert published[-1].level == 1


def test_an_event_received_twice_changes_nothing(rules) -> None:
    event = complaint_received()
    state, _, after = fold([event], context(rules, {event.id: classification()}))
    again = decide(state, event, after)
    assert again.state is state
    assert (again.events, again.context) == ((), None)


# ── a person decides ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_decision_of_a_person_moves_the_case_to_its_team_and_frees_the_screener(rules) -> None:
    state, _, after, subject = open_case(rules, confidence=0.1)
    command = DecideCase(subject, by="crm", category="billing")
    state, published, after = fold([command], after, state)
    assert kinds(published) == [Triaged, Assigned]
    assert (published[0].category, published[0].confidence, published[0].decided_by) == (
        ("billing",),
        1.0,
        "handler:crm",
    )
    assert (published[1].team, published[1].handler) == ("payments", "payments-1")
    assert not state.screening
    assert (after.roster.load("screening-1"), after.roster.load("payments-1")) == (0, 1)


def test_a_decision_that_keeps_the_team_publishes_only_triaged(rules) -> None:
    state, _, after, subject = open_case(rules)
    _, published, after = fold([DecideCase(subject, by="crm", severity="low")], after, state)
    assert kinds(published) == [Triaged]
    assert published[0].severity == "low"
    assert after.roster.load("deliveries-1") == 1


def test_a_chosen_handler_gets_the_case_even_above_capacity(rules) -> None:
    state, _, _, subject = open_case(rules)
    command = DecideCase(subject, by="crm", handler="deliveries-4")
    state, published, after = fold([command], context(rules, deliveries_1=1, deliveries_4=50), state)
    assert published[-1].handler == "deliveries-4"
    assert (after.roster.load("deliveries-1"), after.roster.load("deliveries-4")) == (0, 51)


def test_a_new_category_sets_its_own_severity_and_keeps_the_signals(rules) -> None:
    state, _, after, subject = open_case(rules, signals=("legal_threat",))
    state, published, _ = fold([DecideCase(subject, by="crm", category="fraud")], after, state)
    assert published[0].severity == "critical"
    assert published[0].signals == ("legal_threat",)
    assert kinds(published)[-1] is Escalated


def test_a_case_decided_as_critical_twice_is_escalated_once(rules) -> None:
    state, _, after, subject = open_case(rules)
    command = DecideCase(subject, by="crm", severity="critical")
    _, published, _ = fold([command, command], after, state)
    assert kinds(published).count(Escalated) == 1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"category": "nonsense"}, "category: expected one of fraud, "),
        ({"handler": "payments-1"}, "handler: expected one of the team deliveries"),
        ({"handler": "deliveries-lead"}, "deliveries-4"),
    ],
)
def test_an_invalid_decision_names_the_valid_values(rules, changes, message) -> None:
    state, _, after, subject = open_case(rules)
    with pytest.raises(Rejected, match=message):
        decide(state, DecideCase(subject, by="crm", **changes), after)


def test_only_an_open_case_can_be_decided(rules) -> None:
    state, _, after, subject = open_case(rules)
    state, _, after = fold([resolved(subject)], after, state)
    with pytest.raises(IllegalMove):
        decide(state, DecideCase(subject, by="crm"), after)
    with pytest.raises(NotFound):
        decide(None, DecideCase(subject, by="crm"), after)
    with pytest.raises(NotFound):
        decide(TriageState(complaint_id=subject), DecideCase(subject, by="crm"), after)


def test_an_unknown_command_is_rejected(rules) -> None:
    with pytest.raises(Rejected):
        decide(None, Command(complaint_id()), context(rules))


def test_a_tick_without_a_state_changes_nothing(rules) -> None:
    assert decide(None, Tick(NOON + timedelta(days=1)), context(rules)).state is None
