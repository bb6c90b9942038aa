"""A date follows from its explanation: which day is day 0, who was awaited, what a cycle began with."""

from datetime import date
from typing import Any

import pytest

from services.sla.domain import Recompute
from services.sla.explain.clock import ExplainContext, Reader, explain_clock
from services.sla.policies import Document, Rulebook, build_rulebook
from shared.contracts.events import ProgressRecorded
from tests.unit.sla.complaint_builder import (
    AWAITING,
    COMPLAINT,
    CUSTOMER,
    HANDLER,
    OFFICE,
    REOPENED,
    WITHDRAWN,
    WORKING,
    ComplaintBuilder,
    accepted,
    acknowledged_complaint,
    assigned,
    at,
    milestone,
    policy,
    resolved,
)
from tests.unit.sla.test_explain_clock import book, pack

SUPPLIER = ProgressRecorded(state="awaiting_third_party")


def explain(
    complaint: ComplaintBuilder, now: str, kind: str = "requester_wait", cycle: int = 1, reader: Reader = "handler"
) -> str:
    assert complaint.state is not None
    return explain_clock(
        complaint.clock(kind, cycle), complaint.rulebook, reader, ExplainContext(complaint.state, at(now))
    )


@pytest.mark.parametrize("reader", ["handler", "customer"])
@pytest.mark.parametrize(
    ("goal", "moment", "sentence"),
    [
        ({"cutoff": "17:00"}, "Fri 17:30", "That is after 17:00, so it counts as received on Monday 9 November."),
        ({"cutoff": "16:00"}, "Fri 16:00", "That is at 16:00, so it counts as received on Monday 9 November."),
        ({"cutoff": "16:00", "day_zero": "receipt"}, "Fri 16:30", "after 16:00, so it counts as received on Monday 9"),
        ({}, "Sat 10:00", "Saturday 7 November is closed, so it counts as received on Monday 9 November."),
        (
            {"day_zero": "receipt"},
            "Sat 10:00",
            "Saturday 7 November is day 0, though it is closed; the first business day that counts is Monday 9 November.",
        ),
        (
            {"day_zero": "receipt"},
            "Tue 10:00",
            "Tuesday 3 November is day 0; the first business day that counts is Thursday 5 November.",
        ),
    ],
)
def test_the_reason_that_moved_day_zero_is_explained(
    goal: dict[str, Any], moment: str, sentence: str, reader: Reader
) -> None:
    rule = pack(goal={"business_days": 3, **goal})
    complaint = acknowledged_complaint(book(pack=rule), moment=moment)
    assert sentence in explain(complaint, moment, "regulatory_final", reader=reader)


def test_an_ordinary_start_day_is_not_explained() -> None:
    complaint = acknowledged_complaint(book(goal={"business_days": 3, "cutoff": "17:00"}))
    assert "counts" not in explain(complaint, "Mon 10:00")


def test_a_start_outside_opening_hours_is_explained() -> None:
    complaint = acknowledged_complaint(book(), moment="Fri 20:00")
    assert "outside opening hours, so time counts from Monday 9 November 2026 09:00 (UTC)" in explain(
        complaint, "Fri 20:00"
    )


def working(goal: str) -> Rulebook:
    """A policy that counts the work on it, besides the answer."""
    plain = policy()
    clocks = [*plain["clocks"], {"kind": "agent_work", "goal": {"business": goal}}]
    return build_rulebook(
        [Document({"calendar": [OFFICE], "policy": [{**plain, "clocks": clocks}]})], around=date(2026, 11, 1)
    )


def test_a_pause_names_who_is_awaited_and_the_forecast_due_time() -> None:
    complaint = acknowledged_complaint(working("PT8H"))
    complaint.receive("Mon 10:00", assigned())
    complaint.receive("Mon 11:00", AWAITING)
    complaint.receive("Mon 12:00", SUPPLIER)
    complaint.receive("Mon 13:00", WORKING)
    complaint.receive("Mon 14:00", SUPPLIER)
    because = explain(complaint, "Mon 15:00", "agent_work")
    day = "Monday 2 November 2026"
    for sentence in (
        f"from {day} 11:00 (UTC) to {day} 12:00 (UTC), while the customer was awaited; that time does not count.",
        f"from {day} 12:00 (UTC) to {day} 13:00 (UTC), while a third party was awaited; that time does not count.",
        f"It has been paused since {day} 14:00 (UTC), while a third party is awaited.",
        "If it resumed now, it would be due Tuesday 3 November 2026 13:00 (UTC).",
    ):
        assert sentence in because
    assert "somebody else is awaited" in explain_clock(complaint.clock("agent_work"), complaint.rulebook), (
        "where nobody looks"
    )


def test_the_time_a_complaint_was_closed_is_explained() -> None:
    complaint = acknowledged_complaint(working("PT16H"))
    complaint.receive("Mon 10:00", assigned())
    complaint.receive("Mon 12:00", resolved("Mon 12:00"))
    complaint.receive("Mon 14:00", REOPENED)
    assert "14:00 (UTC), while the complaint was closed; that time" in explain(complaint, "Mon 15:00", "agent_work")


def test_the_time_used_under_an_earlier_rulebook_is_explained() -> None:
    first = {"calendar": [OFFICE], "policy": [policy()]}
    second = {"calendar": [OFFICE], "policy": [policy({"goal": {"business": "PT16H"}}, version=2)]}
    old = build_rulebook([Document(first)], around=date(2026, 11, 1))
    moved = Document(second, 2, "rebase_remaining", "a storm", "head", at("Mon 12:00"))
    complaint = acknowledged_complaint(old)
    complaint.rulebook = build_rulebook([Document(first), moved], around=date(2026, 11, 1), previous=old)
    complaint.handle("Mon 12:00", Recompute(COMPLAINT))
    assert "keeping what was left of it (2 h had been used)." in explain(complaint, "Mon 12:00")


# ── what a cycle began with ───────────────────────────────────────────────────────────────────────────────────────────


def test_later_updates_count_from_the_last_message_to_the_customer() -> None:
    complaint = acknowledged_complaint(book(pack=pack(kind="periodic_update", start="received")))
    complaint.receive("Tue 10:00", HANDLER)
    first, second = (explain(complaint, "Tue 10:00", "periodic_update", cycle, "customer") for cycle in (1, 2))
    assert "from Monday 2 November 2026 10:00 (UTC), when your complaint reached us." in first
    assert "from Tuesday 3 November 2026 10:00 (UTC), when you last heard from us." in second
    assert "10:00 (UTC), when the customer last heard from us, because" in explain(
        complaint, "Tue 10:00", "periodic_update", 2
    )


def test_a_new_cycle_counts_from_the_reopening() -> None:
    complaint = acknowledged_complaint(book())
    complaint.receive("Mon 12:00", resolved("Mon 12:00"))
    complaint.receive("Tue 10:00", REOPENED)
    assert "counted from Tuesday 3 November 2026 10:00 (UTC), when the complaint was opened again," in explain(
        complaint, "Tue 10:00", cycle=2
    )


# ── how it ended ──────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("reader", ["handler", "customer"])
@pytest.mark.parametrize(
    ("kind", "fact", "sentence"),
    [
        ("regulatory_final", WITHDRAWN, "It was cancelled when the complaint was withdrawn."),
        ("periodic_update", resolved("Mon 12:00"), "It was cancelled when the complaint was resolved."),
    ],
)
def test_a_cancellation_names_its_cause(kind: str, fact: Any, sentence: str, reader: Reader) -> None:
    complaint = acknowledged_complaint(book(pack=pack(kind=kind)))
    complaint.receive("Mon 12:00", fact)
    assert explain(complaint, "Mon 12:00", kind, reader=reader).endswith(sentence)


@pytest.mark.parametrize("reader", ["handler", "customer"])
def test_an_opportunity_that_passed_is_not_missed_and_one_that_was_used_is_not_mentioned(reader: Reader) -> None:
    passed, taken = (acknowledged_complaint(book(pack=pack(kind="summary_resolution"))) for _ in range(2))
    passed.pass_time_until("Mon+7 10:00")
    taken.receive("Tue 10:00", milestone("settled", "Tue 10:00"))
    assert explain(passed, "Mon+7 10:00", "summary_resolution", reader=reader).endswith(
        "This optional limit has ended; this is not a breach."
    )
    assert "chance" not in explain(taken, "Tue 10:00", "summary_resolution", reader=reader)
    clock = passed.clock("summary_resolution")
    over = clock._replace(phase="cancelled", ended_at=clock.due_at, breached=False)
    assert explain_clock(over, passed.rulebook, reader).endswith("This optional limit has ended; this is not a breach.")


def test_an_opportunity_ended_by_a_withdrawal_in_time_is_cancelled() -> None:
    complaint = acknowledged_complaint(book(pack=pack(kind="summary_resolution")))
    complaint.receive("Tue 10:00", WITHDRAWN)
    assert explain(complaint, "Tue 10:00", "summary_resolution").endswith(
        "It was cancelled when the complaint was withdrawn."
    )


def test_items_are_named_to_both_readers() -> None:
    complaint = acknowledged_complaint(book(pack=pack(kind="action_completion")))
    complaint.receive("Mon 11:00", milestone("action_agreed", "Mon 11:00", "refund"))
    for reader, words in (
        ("handler", "The agreed action (refund) is due"),
        ("customer", "the agreed action (refund) is"),
    ):
        assert words in explain(complaint, "Mon 12:00", "action_completion", reader=reader)  # type: ignore[arg-type]


def test_a_message_of_the_customer_without_a_wait_explains_no_pause() -> None:
    complaint = acknowledged_complaint(book())
    complaint.receive("Mon 12:00", CUSTOMER)
    complaint.receive("Mon 12:30", accepted("Mon 12:30", "progress"))
    assert "was paused" not in explain(complaint, "Mon 13:00")
