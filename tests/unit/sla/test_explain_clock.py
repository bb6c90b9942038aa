"""Explanations of clocks for two readers: the goal, every version, every pause and every holiday that counted."""

from datetime import date
from typing import Any

import pytest

from services.sla.domain import Recompute
from services.sla.explain.clock import Reader, explain_clock
from services.sla.policies import Document, Rulebook, build_rulebook
from tests.unit.sla.complaint_builder import (
    AWAITING,
    COMPLAINT,
    CUSTOMER,
    OFFICE,
    WITHDRAWN,
    ComplaintBuilder,
    accepted,
    acknowledged_complaint,
    at,
    milestone,
    policy,
    resolved,
)

DAY = date(2026, 11, 1)
HOLIDAYS = [
    {"on": "2026-11-04", "name": "Storm"},
    {"on": "2026-11-05", "name": "Half day", "hours": [["09:00", "12:00"]]},
    {"on": "2026-11-07", "name": "A Saturday"},
]


def book(*, tz: str = "UTC", pack: dict[str, Any] | None = None, **clock: Any) -> Rulebook:
    office = {**OFFICE, "tz": tz, "name": "Office", "holidays": HOLIDAYS}
    data: dict[str, Any] = {"calendar": [office], "policy": [policy(clock)]}
    return build_rulebook([Document(data | ({"pack": [pack]} if pack else {}))], around=DAY)


def pack(**clock: Any) -> dict[str, Any]:
    rule = {"kind": "regulatory_final", "goal": {"business_days": 3}, **clock}
    golden = {"clock": rule["kind"], "start": at("Mon 10:00"), "due": at("Fri 17:00"), "why": "the storm is closed"}
    return {
        "id": "reg",
        "version": 4,
        "name": "The Rule",
        "jurisdiction": "XX",
        "effective_from": "2020-01-01",
        "calendar": "office",
        "sources": [{"title": "The Book", "paragraph": "7.2"}],
        "clocks": [rule],
        "golden": [golden],
    }


def explain(complaint: ComplaintBuilder, kind: str = "requester_wait", reader: Reader = "handler") -> str:
    return explain_clock(complaint.clock(kind), complaint.rulebook, reader)


def test_a_holiday_that_counted_is_named_and_one_that_was_closed_anyway_is_not() -> None:
    because = explain(acknowledged_complaint(book(goal={"business": "PT32H"})))
    assert "4 November (Storm) is closed." in because
    assert "5 November (Half day) is open 09:00-12:00." in because
    assert "A Saturday" not in because


def test_a_holiday_after_the_due_time_is_not_named() -> None:
    assert "Storm" not in explain(acknowledged_complaint(book(goal={"business": "PT8H"})))


def test_holidays_are_those_of_the_calendars_own_days() -> None:
    """Monday 20:00 UTC is Tuesday in Tokyo; the storm of Wednesday there is not yet Wednesday here."""
    complaint = acknowledged_complaint(book(tz="Asia/Tokyo", goal={"business": "PT8H"}), moment="Tue 20:00")
    assert "4 November (Storm) is closed." in explain(complaint)


@pytest.mark.parametrize(
    ("goal", "sentence"),
    [
        ({"business": "PT32H"}, "; that time does not count."),
        ({"wall": "PT32H"}, "; that time does not count."),
        ({"business_days": 3}, "; whole days of that do not count."),
        ({"calendar_days": 3}, "; whole days of that do not count."),
    ],
)
def test_the_explanation_says_how_a_pause_counts(goal: dict[str, Any], sentence: str) -> None:
    complaint = acknowledged_complaint(book(goal=goal))
    complaint.receive("Mon 11:00", AWAITING)
    complaint.receive("Tue 11:00", CUSTOMER)
    span = "It was paused from Monday 2 November 2026 11:00 (UTC) to Tuesday 3 November 2026 11:00 (UTC)"
    assert f"{span}, while the customer was awaited{sentence}" in explain(complaint)


def test_the_clock_of_a_withdrawn_complaint_is_explained_as_cancelled() -> None:
    complaint = acknowledged_complaint(book())
    complaint.receive("Mon 11:00", WITHDRAWN)
    assert explain(complaint).endswith("It was cancelled with the complaint.")


def test_a_regulators_clock_names_its_source_and_version() -> None:
    because = explain(acknowledged_complaint(book(pack=pack())), "regulatory_final")
    assert "because the rules of The Rule (reg version 4) apply." in because
    assert "Source: The Book, 7.2." in because


def test_a_customer_reads_the_same_date_and_the_holidays_in_their_own_words() -> None:
    because = explain(acknowledged_complaint(book(pack=pack())), "regulatory_final", "customer")
    assert because == (
        "Under the rules that apply to us (The Rule), the final response is due by Friday 6 November 2026 17:00 (UTC): "
        "3 business days from Monday 2 November 2026 10:00 (UTC), when your complaint reached us. "
        "4 November (Storm) is closed. 5 November (Half day) is open 09:00-12:00."
    )


def test_a_customer_reads_the_outcome() -> None:
    met, missed = acknowledged_complaint(book(pack=pack())), acknowledged_complaint(book(pack=pack()))
    met.receive("Tue 10:00", accepted("Tue 10:00", "resolution"))
    assert explain(met, "regulatory_final", "customer").endswith("It was done on Tuesday 3 November 2026 10:00 (UTC).")
    missed.receive("Sun 10:00", accepted("Sun 10:00", "resolution"))
    because = explain(missed, "regulatory_final", "customer")
    assert "was due by Friday" in because
    assert because.endswith("We missed it.")


@pytest.mark.parametrize(
    ("clock", "fact", "words"),
    [
        ({"start": "acknowledged"}, accepted("Mon 10:00"), "when we acknowledged it."),
        ({"kind": "stage2"}, milestone("stage2_requested", "Mon 10:00"), "when you asked for the second stage."),
        ({"kind": "ombudsman_reply"}, milestone("ombudsman_asked", "Mon 10:00"), "when the ombudsman asked us."),
    ],
)
def test_a_customer_reads_the_start_of_the_clock(clock: dict[str, Any], fact: Any, words: str) -> None:
    complaint = acknowledged_complaint(book(pack=pack(**clock)))
    complaint.receive("Mon 10:01", fact)
    assert words in explain(complaint, clock.get("kind", "regulatory_final"), "customer")


def test_a_customer_never_reads_an_internal_target() -> None:
    assert explain(acknowledged_complaint(book()), reader="customer") == ""


def test_a_revision_that_moved_a_clock_is_named_with_its_reason() -> None:
    first = {"calendar": [OFFICE], "policy": [policy()]}
    second = {"calendar": [OFFICE], "policy": [policy({"goal": {"business": "PT16H"}}, version=2)]}
    old = build_rulebook([Document(first)], around=DAY)
    new = build_rulebook(
        [Document(first), Document(second, 2, "rebase_open", "too tight for the storm", "head", at("Mon 11:00"))],
        around=DAY,
        previous=old,
    )
    complaint = acknowledged_complaint(old)
    complaint.rulebook = new
    complaint.handle("Mon 12:00", Recompute(COMPLAINT))
    because = explain(complaint)
    assert "policy 'plain' version 2" in because
    assert "Revision 2 of the rulebook moved it Monday 2 November 2026 12:00 (UTC)" in because
    assert "because of 'too tight for the storm', keeping everything that had counted before." in because


def test_a_late_answer_says_how_late_by_both_clocks() -> None:
    complaint = acknowledged_complaint(book())
    complaint.receive("Sat 10:00", resolved("Sat 10:00"))
    assert explain(complaint).endswith("It was missed by 96 h (18 h of opening time).")
