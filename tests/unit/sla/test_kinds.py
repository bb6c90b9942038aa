"""Every kind of clock as a table of facts: what starts, stops, pauses, cancels and reopens it."""

from datetime import timedelta
from typing import Any

import pytest

from services.sla.domain.clock_runs import ClockRun, apply_rule, derive_runs
from services.sla.domain.clock_types import CLOCK_TYPES
from services.sla.domain.history import effective_entries
from services.sla.policies import Rulebook
from services.sla.policies.rule import ClockRule
from shared.contracts.events import ClockStopped, Merged, MessageAdded, ProgressRecorded
from tests.unit.sla.lives import (
    AWAITING,
    CUSTOMER,
    HANDLER,
    REOPENED,
    WITHDRAWN,
    WORKING,
    Life,
    accepted,
    assigned,
    at,
    book,
    bounced,
    milestone,
    opened,
    policy,
    resolved,
)

SUPPLIER = ProgressRecorded(state="awaiting_third_party")
NOTE = MessageAdded(author="handler", public=False)
MERGED = Merged(into_reference="R-2")
ACK, TOLD = accepted("Mon 10:05"), accepted("Mon 12:00", "progress")


def with_clock(kind: str, **changes: Any) -> Rulebook:
    """The plain policy and one clock of that kind: eight hours of opening time."""
    clock = {"kind": kind, "goal": {"business": "PT8H"}, **changes}
    plain = policy()
    others = [each for each in plain["clocks"] if each["kind"] != kind]
    return book({**plain, "id": "chosen", "when": {"severity": ["normal"]}, "clocks": [*others, clock]})


def lived(kind: str, *facts: tuple[str, Any], **changes: Any) -> Life:
    """A complaint of Monday 10:00 to which these facts happened."""
    life = opened(with_clock(kind, **changes))
    for moment, fact in facts:
        life.hears(moment, fact)
    return life


def runs(life: Life, kind: str) -> list[ClockRun]:
    """The runs of its clock of that kind."""
    assert life.state is not None
    rule = next(
        charge.rule for charge in life.rulebook.clock_specs(life.state.terms[-1].terms) if charge.rule.kind == kind
    )
    return list(derive_runs(apply_rule(rule), effective_entries(life.state.moments)))


def test_every_kind_has_a_table_below() -> None:
    assert {kind for kind, _, _ in STARTS_AND_STOPS} == set(CLOCK_TYPES)


Happens = list[tuple[str, Any]]
STARTS_AND_STOPS: list[tuple[str, Happens, list[tuple[str, str | None, str | None]]]] = [
    # kind, what happened, its runs: started, ended, how
    ("assignment", [], [("Mon 10:00", None, None)]),
    ("assignment", [("Mon 11:00", assigned(None))], [("Mon 10:00", None, None)]),  # only the team is known
    ("assignment", [("Mon 11:00", assigned())], [("Mon 10:00", "Mon 11:00", "stopped")]),
    ("assignment", [("Mon 11:00", resolved("Mon 11:00"))], [("Mon 10:00", "Mon 11:00", "cancelled")]),
    ("acknowledge", [("Mon 10:05", ACK)], [("Mon 10:00", "Mon 10:05", "stopped")]),
    ("acknowledge", [("Mon 10:05", TOLD)], [("Mon 10:00", None, None)]),
    ("acknowledge", [("Mon 11:00", resolved("Mon 11:00"))], [("Mon 10:00", None, None)]),
    ("first_response", [("Mon 11:00", HANDLER)], [("Mon 10:00", "Mon 11:00", "stopped")]),
    ("first_response", [("Mon 10:05", ACK)], [("Mon 10:00", None, None)]),  # a machine said so, nobody replied
    ("first_response", [("Mon 11:00", NOTE)], [("Mon 10:00", None, None)]),  # the customer cannot see it
    ("first_response", [("Mon 11:00", resolved("Mon 11:00"))], [("Mon 10:00", "Mon 11:00", "stopped")]),
    ("next_reply", [], []),
    ("next_reply", [("Mon 11:00", CUSTOMER)], [("Mon 11:00", None, None)]),
    ("next_reply", [("Mon 11:00", CUSTOMER), ("Mon 13:00", CUSTOMER)], [("Mon 11:00", None, None)]),  # the oldest counts
    (
        "next_reply",
        [("Mon 11:00", CUSTOMER), ("Mon 13:00", CUSTOMER), ("Mon 14:00", HANDLER), ("Mon 15:00", CUSTOMER)],
        [("Mon 11:00", "Mon 14:00", "stopped"), ("Mon 15:00", None, None)],
    ),
    ("next_reply", [("Mon 11:00", CUSTOMER), ("Mon 12:00", resolved("Mon 12:00"))], [("Mon 11:00", "Mon 12:00", "stopped")]),
    ("next_reply", [("Mon 12:00", resolved("Mon 12:00")), ("Mon 13:00", CUSTOMER)], []),  # closed: nobody owes a reply
    ("periodic_update", [], []),
    ("periodic_update", [("Mon 10:05", ACK)], [("Mon 10:05", None, None)]),
    (
        "periodic_update",
        [("Mon 10:05", ACK), ("Mon 12:00", HANDLER), ("Mon 13:00", accepted("Mon 13:00", "progress"))],
        [("Mon 10:05", "Mon 12:00", "stopped"), ("Mon 12:00", "Mon 13:00", "stopped"), ("Mon 13:00", None, None)],
    ),
    ("periodic_update", [("Mon 10:05", ACK), ("Mon 12:00", AWAITING)], [("Mon 10:05", None, None)]),
    (
        "periodic_update",
        [("Mon 10:05", ACK), ("Mon 12:00", resolved("Mon 12:00")), ("Mon 13:00", HANDLER)],
        [("Mon 10:05", "Mon 12:00", "cancelled")],
    ),
    ("pausable_update", [("Mon 10:05", ACK), ("Mon 12:00", HANDLER)], [("Mon 10:05", "Mon 12:00", "stopped"), ("Mon 12:00", None, None)]),
    ("requester_wait", [("Mon 12:00", resolved("Mon 12:00"))], [("Mon 10:00", "Mon 12:00", "stopped")]),
    (
        "requester_wait",
        [("Mon 12:00", resolved("Mon 12:00")), ("Tue 10:00", REOPENED)],
        [("Mon 10:00", "Mon 12:00", "stopped"), ("Tue 10:00", None, None)],
    ),
    ("agent_work", [("Mon 11:00", assigned(None))], []),
    ("agent_work", [("Mon 11:00", assigned()), ("Mon 15:00", resolved("Mon 15:00"))], [("Mon 11:00", "Mon 15:00", "stopped")]),
    ("agent_work", [("Mon 11:00", assigned()), ("Mon 12:00", assigned("bob"))], [("Mon 11:00", None, None)]),
    ("total_resolution", [("Mon 12:00", resolved("Mon 12:00"))], [("Mon 10:00", None, None)]),  # known, not yet told
    (
        "total_resolution",
        [("Mon 12:00", resolved("Mon 12:00")), ("Mon 12:01", accepted("Mon 12:01", "resolution"))],
        [("Mon 10:00", "Mon 12:01", "stopped")],
    ),
    ("total_resolution", [("Mon 12:00", resolved("Mon 12:00")), ("Mon 12:30", HANDLER)], [("Mon 10:00", "Mon 12:30", "stopped")]),
    ("regulatory_final", [("Mon 12:00", AWAITING), ("Mon 13:00", resolved("Mon 13:00"))], [("Mon 10:00", None, None)]),
    ("regulatory_final", [("Mon 13:00", accepted("Mon 13:00", "resolution"))], [("Mon 10:00", "Mon 13:00", "stopped")]),
    ("summary_resolution", [("Mon 12:00", milestone("settled", "Mon 12:00"))], [("Mon 10:00", "Mon 12:00", "stopped")]),
    (
        "stage2",
        [("Mon 12:00", milestone("stage2_requested", "Mon 12:00")), ("Tue 12:00", milestone("stage2_answered", "Tue 12:00"))],
        [("Mon 12:00", "Tue 12:00", "stopped")],
    ),
    (
        "action_completion",
        [
            ("Mon 12:00", milestone("action_agreed", "Mon 12:00", "refund")),
            ("Mon 13:00", milestone("action_agreed", "Mon 13:00", "letter")),
            ("Mon 14:00", resolved("Mon 14:00")),
            ("Tue 12:00", milestone("action_completed", "Tue 12:00", "letter")),
        ],
        [("Mon 12:00", None, None), ("Mon 13:00", "Tue 12:00", "stopped")],  # side by side, and beyond the answer
    ),
    (
        "supplier",
        [
            ("Mon 11:00", milestone("handed_over", "Mon 11:00", "maker")),
            ("Mon 13:00", milestone("handed_back", "Mon 13:00", "maker")),
            ("Mon 14:00", milestone("handed_over", "Mon 14:00", "maker")),
            ("Mon 15:00", resolved("Mon 15:00")),
        ],
        [("Mon 11:00", "Mon 13:00", "stopped"), ("Mon 14:00", "Mon 15:00", "cancelled")],
    ),
    (
        "ombudsman_reply",
        [
            ("Mon 12:00", resolved("Mon 12:00")),
            ("Tue 12:00", milestone("ombudsman_asked", "Tue 12:00")),
            ("Wed 12:00", milestone("ombudsman_answered", "Wed 12:00")),
        ],
        [("Tue 12:00", "Wed 12:00", "stopped")],  # asked long after the complaint was closed
    ),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "facts", "expected"), STARTS_AND_STOPS)
def test_a_kind_starts_and_stops_with_what_its_row_says(
    kind: str, facts: Happens, expected: list[tuple[str, str | None, str | None]]
) -> None:
    result = [(run.started_at, run.ended_at, run.ending) for run in runs(lived(kind, *facts), kind)]
    assert result == [(at(start), at(end) if end else None, ending) for start, end, ending in expected]


STARTING: dict[str, Any] = {
    "next_reply": CUSTOMER,
    "periodic_update": ACK,
    "pausable_update": ACK,
    "agent_work": assigned(),
    "stage2": milestone("stage2_requested", "Mon 10:30"),
    "action_completion": milestone("action_agreed", "Mon 10:30", "x"),
    "supplier": milestone("handed_over", "Mon 10:30", "x"),
    "ombudsman_reply": milestone("ombudsman_asked", "Mon 10:30"),
}


@pytest.mark.parametrize("ending", [WITHDRAWN, MERGED], ids=["withdrawn", "merged"])
@pytest.mark.parametrize("kind", sorted(CLOCK_TYPES))
def test_withdrawing_and_merging_cancel_every_kind_and_nothing_escalates_after_that(kind: str, ending: Any) -> None:
    facts = [("Mon 10:30", STARTING[kind])] if kind in STARTING else []
    life = lived(kind, *facts, ("Mon 10:45", ending), rungs=[50, {"after": "PT1H"}])
    assert [(run.ended_at, run.ending) for run in runs(life, kind)] == [(at("Mon 10:45"), "cancelled")]
    assert life.passes_until("Sun+7 12:00") == []


PAUSES = {
    "pausable_update": {"customer"},
    "requester_wait": {"customer"},
    "agent_work": {"customer", "third_party"},
}


@pytest.mark.parametrize(("wait", "fact"), [("customer", AWAITING), ("third_party", SUPPLIER)])
@pytest.mark.parametrize("kind", sorted(CLOCK_TYPES))
def test_a_kind_stands_still_only_in_the_waits_of_its_row(kind: str, wait: str, fact: Any) -> None:
    facts = [("Mon 10:30", STARTING[kind])] if kind in STARTING else []
    [run] = runs(lived(kind, *facts, ("Mon 11:00", fact), ("Mon 12:00", WORKING)), kind)
    paused = [(at("Mon 11:00"), at("Mon 12:00"))] if wait in PAUSES.get(kind, set()) else []
    assert list(run.pauses) == paused


@pytest.mark.parametrize("kind", ["acknowledge", "requester_wait", "total_resolution", "agent_work"])
def test_the_clocks_of_a_regulator_never_stand_still(kind: str) -> None:
    rule = ClockRule(kind=kind, goal={"business": "PT8H"}, obligation="regulatory")  # type: ignore[arg-type]
    state = lived("agent_work", ("Mon 10:30", assigned()), ("Mon 11:00", AWAITING)).state
    assert state is not None
    assert [run.pauses for run in derive_runs(apply_rule(rule), effective_entries(state.moments))] == [()]


def test_stopping_comes_before_cancelling_and_both_before_pausing() -> None:
    """One moment may match several: stop > cancel > pause > resume > start."""
    answered = lived("first_response", ("Mon 11:00", resolved("Mon 11:00")))
    assert runs(answered, "first_response")[0].ending == "stopped", "the answer is a reply: stop before cancel"
    silent = lived("periodic_update", ("Mon 10:05", ACK), ("Mon 11:00", resolved("Mon 11:00")))
    assert runs(silent, "periodic_update")[0].ending == "cancelled", "cancel before start"
    paused = lived("requester_wait", ("Mon 11:00", AWAITING), ("Mon 12:00", resolved("Mon 12:00")))
    assert runs(paused, "requester_wait")[0].pauses == ((at("Mon 11:00"), at("Mon 12:00")),), "stop ends the pause"


def test_waiting_for_one_and_then_the_other_is_one_pause_after_the_other() -> None:
    life = lived(
        "agent_work",
        ("Mon 10:30", assigned()),
        ("Mon 11:00", AWAITING),
        ("Mon 12:00", SUPPLIER),
        ("Mon 13:00", WORKING),
    )
    assert runs(life, "agent_work")[0].pauses == (
        (at("Mon 11:00"), at("Mon 12:00")),
        (at("Mon 12:00"), at("Mon 13:00")),
    )
    waits = lived("requester_wait", ("Mon 11:00", AWAITING), ("Mon 12:00", SUPPLIER), ("Mon 13:00", WORKING))
    assert runs(waits, "requester_wait")[0].pauses == ((at("Mon 11:00"), at("Mon 12:00")),), "our supplier is our wait"


def test_a_reply_and_a_wait_saved_together_satisfy_the_first_response() -> None:
    life = lived("first_response", ("Mon 11:00", HANDLER), ("Mon 11:00", AWAITING))
    [stopped] = [fact for fact in life.published if isinstance(fact, ClockStopped) and fact.clock == "first_response"]
    assert (stopped.stopped_at, stopped.met) == (at("Mon 11:00"), True)


def test_the_work_leaves_out_the_time_it_was_closed_and_the_whole_answer_counts_it() -> None:
    """Worked from Monday 10:00 to 12:00, closed until Wednesday 10:00, reopened: six hours of work are left."""
    facts = [("Mon 10:00", assigned()), ("Mon 12:00", resolved("Mon 12:00"))]
    work = lived("agent_work", *facts, ("Wed 10:00", REOPENED))
    assert work.clock("agent_work").cycle == 1, "the same clock goes on"
    assert work.clock("agent_work").due_at == at("Wed 16:00")
    message = ("Mon 12:01", accepted("Mon 12:01", "resolution"))
    whole = lived("total_resolution", *facts, message, ("Mon 15:00", REOPENED))
    assert (whole.clock("total_resolution").phase, whole.clock("total_resolution").due_at) == (
        "running",
        at("Tue 10:00"),
    )


def test_reopening_the_whole_answer_after_its_due_time_is_late_at_once() -> None:
    sent = ("Mon 12:01", accepted("Mon 12:01", "resolution"))
    life = lived("total_resolution", ("Mon 12:00", resolved("Mon 12:00")), sent, ("Fri 10:00", REOPENED))
    life.ticks("Fri 10:00")
    assert life.clock("total_resolution").breached


@pytest.mark.parametrize(("reopen", "cycles"), [("continue", [1]), ("new_cycle", [1, 2])])
def test_a_rule_says_whether_a_reopening_goes_on_or_begins_anew(reopen: str, cycles: list[int]) -> None:
    life = lived("requester_wait", ("Mon 12:00", resolved("Mon 12:00")), ("Tue 12:00", REOPENED), reopen=reopen)
    assert [clock.cycle for clock in life.ledger.clocks if clock.kind == "requester_wait"] == cycles


@pytest.mark.parametrize(
    ("start", "fact", "expected"),
    [("received", ACK, "Tue 10:00"), ("acknowledged", ACK, "Tue 10:05"), ("assigned", assigned(), "Tue 10:05")],
)
def test_a_rule_may_start_with_another_event_than_its_kind(start: str, fact: Any, expected: str) -> None:
    """The Housing Ombudsman's ten days run from the acknowledgement, not from the receipt."""
    life = lived("regulatory_final", ("Mon 10:05", fact), start=start)
    assert life.clock("regulatory_final").due_at == at(expected)


def test_an_acknowledgement_that_bounces_is_undone_at_its_original_time() -> None:
    life = lived("acknowledge", ("Mon 10:05", accepted("Mon 10:05", message="m1")), goal={"wall": "PT1H"})
    assert life.clock("acknowledge").phase == "stopped"
    life.hears("Mon 10:07", bounced("m1", hard=True))
    clock = life.clock("acknowledge")
    assert (clock.phase, clock.started_at, clock.due_at) == ("running", at("Mon 10:00"), at("Mon 11:00"))
    life.hears("Mon 10:09", accepted("Mon 10:09", message="m2"))
    assert life.clock("acknowledge").ended_at == at("Mon 10:09")


def test_a_soft_bounce_may_still_arrive_and_undoes_nothing() -> None:
    life = lived("acknowledge", ("Mon 10:05", accepted("Mon 10:05", message="m1")))
    life.hears("Mon 10:07", bounced("m1", hard=False))
    assert life.clock("acknowledge").phase == "stopped"


def test_a_bounce_that_comes_after_the_limit_makes_the_acknowledgement_late() -> None:
    life = lived("acknowledge", ("Mon 10:05", accepted("Mon 10:05", message="m1")), goal={"wall": "PT1H"})
    life.hears("Mon 13:00", bounced("m1", hard=True))
    life.ticks("Mon 13:00")
    assert life.clock("acknowledge").breached
    assert life.clock("acknowledge").due_at == at("Mon 11:00")


def test_an_update_that_may_pause_stands_still_while_the_customer_is_awaited() -> None:
    life = lived("pausable_update", ("Mon 10:05", ACK), ("Mon 11:05", AWAITING), ("Mon 13:05", CUSTOMER))
    assert life.clock("pausable_update").due_at == at("Tue 12:05")
    strict = lived("periodic_update", ("Mon 10:05", ACK), ("Mon 11:05", AWAITING), ("Mon 13:05", CUSTOMER))
    assert strict.clock("periodic_update").due_at == at("Tue 10:05")


def test_a_reminder_to_a_customer_who_is_awaited_does_not_start_the_next_updates_time() -> None:
    life = lived("pausable_update", ("Mon 10:05", ACK), ("Mon 11:00", AWAITING), ("Mon 12:00", TOLD))
    clock = next(element for element in life.ledger.clocks if (element.kind, element.cycle) == ("pausable_update", 2))
    assert (clock.phase, clock.due_at) == ("paused", None)
    life.hears("Mon 15:00", CUSTOMER)
    assert life.clock("pausable_update", 2).due_at == at("Tue 15:00"), "eight hours from when they wrote"


def test_work_that_is_given_to_somebody_while_the_customer_is_awaited_stands_still() -> None:
    life = lived("agent_work", ("Mon 11:00", AWAITING), ("Mon 12:00", assigned()), ("Mon 14:00", CUSTOMER))
    assert runs(life, "agent_work")[0].pauses == ((at("Mon 12:00"), at("Mon 14:00")),)


def test_a_wait_does_not_outlast_the_answer() -> None:
    life = lived(
        "requester_wait", ("Mon 11:00", AWAITING), ("Mon 12:00", resolved("Mon 12:00")), ("Tue 10:00", REOPENED)
    )
    assert [run.pauses for run in runs(life, "requester_wait")] == [((at("Mon 11:00"), at("Mon 12:00")),), ()]


def test_items_are_told_apart_in_their_keys() -> None:
    life = lived(
        "supplier",
        ("Mon 11:00", milestone("handed_over", "Mon 11:00", "maker")),
        ("Mon 11:30", milestone("handed_over", "Mon 11:30", "courier")),
    )
    keys = {clock.key for clock in life.ledger.clocks if clock.kind == "supplier"}
    assert keys == {"supplier:maker:1", "supplier:courier:1"}


def test_what_a_customer_waits_is_not_moved_by_who_is_told_what() -> None:
    life = lived("requester_wait", ("Mon 11:00", TOLD), ("Mon 12:00", NOTE), ("Mon 13:00", assigned()))
    assert life.clock().due_at - at("Mon 10:00") == timedelta(days=1), "a comment or an edit restarts nothing"
