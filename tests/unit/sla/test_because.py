"""Every date in plain sentences: the goal, every version, every pause and every holiday that counted, for two readers."""

from datetime import date
from typing import Any

import pytest

from services.sla.domain import Recompute
from services.sla.explain.clock import Reader, explain_clock
from services.sla.policies import Document, Rulebook, build_rulebook
from tests.unit.sla.lives import (
    AWAITING,
    COMPLAINT,
    CUSTOMER,
    OFFICE,
    WITHDRAWN,
    Life,
    accepted,
    at,
    milestone,
    policy,
    promised,
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


def explain(life: Life, kind: str = "requester_wait", reader: Reader = "handler") -> str:
    return explain_clock(life.clock(kind), life.rulebook, reader)


def test_a_holiday_that_counted_is_named_and_one_that_was_closed_anyway_is_not() -> None:
    because = explain(promised(book(goal={"business": "PT32H"})))
    assert "4 November (Storm) is closed." in because
    assert "5 November (Half day) is open 09:00-12:00." in because
    assert "A Saturday" not in because


def test_a_holiday_after_the_due_time_is_not_named() -> None:
    assert "Storm" not in explain(promised(book(goal={"business": "PT8H"})))


def test_holidays_are_those_of_the_calendars_own_days() -> None:
    """Monday 20:00 UTC is Tuesday in Tokyo; the storm of Wednesday there is not yet Wednesday here."""
    life = promised(book(tz="Asia/Tokyo", goal={"business": "PT8H"}), moment="Tue 20:00")
    assert "4 November (Storm) is closed." in explain(life)


@pytest.mark.parametrize(
    ("goal", "sentence"),
    [
        ({"business": "PT32H"}, "; that time does not count."),
        ({"wall": "PT32H"}, "; that time does not count."),
        ({"business_days": 3}, "; whole days of that do not count."),
        ({"calendar_days": 3}, "; whole days of that do not count."),
    ],
)
def test_a_pause_says_how_it_counts(goal: dict[str, Any], sentence: str) -> None:
    life = promised(book(goal=goal))
    life.hears("Mon 11:00", AWAITING)
    life.hears("Tue 11:00", CUSTOMER)
    span = "It stood still from Monday 2 November 2026 11:00 (UTC) to Tuesday 3 November 2026 11:00 (UTC)"
    assert f"{span}, while the customer was awaited{sentence}" in explain(life)


def test_what_was_withdrawn_fell_away() -> None:
    life = promised(book())
    life.hears("Mon 11:00", WITHDRAWN)
    assert explain(life).endswith("It fell away with the complaint.")


def test_a_regulators_clock_names_its_source_and_version() -> None:
    because = explain(promised(book(pack=pack())), "regulatory_final")
    assert "because the rules of The Rule (reg version 4) apply." in because
    assert "Source: The Book, 7.2." in because


def test_a_customer_reads_the_same_date_and_the_holidays_in_their_own_words() -> None:
    because = explain(promised(book(pack=pack())), "regulatory_final", "customer")
    assert because == (
        "Under the rules that apply to us (The Rule), the final response is due by Friday 6 November 2026 17:00 (UTC): "
        "3 business days from Monday 2 November 2026 10:00 (UTC), when your complaint reached us. "
        "4 November (Storm) is closed. 5 November (Half day) is open 09:00-12:00."
    )


def test_a_customer_reads_what_became_of_it() -> None:
    met, missed = promised(book(pack=pack())), promised(book(pack=pack()))
    met.hears("Tue 10:00", accepted("Tue 10:00", "resolution"))
    assert explain(met, "regulatory_final", "customer").endswith("It was done on Tuesday 3 November 2026 10:00 (UTC).")
    missed.hears("Sun 10:00", accepted("Sun 10:00", "resolution"))
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
def test_a_customer_reads_since_when_it_counts(clock: dict[str, Any], fact: Any, words: str) -> None:
    life = promised(book(pack=pack(**clock)))
    life.hears("Mon 10:01", fact)
    assert words in explain(life, clock.get("kind", "regulatory_final"), "customer")


def test_a_customer_never_reads_a_target_of_ours() -> None:
    assert explain(promised(book()), reader="customer") == ""


def test_a_revision_that_moved_a_clock_is_named_with_its_reason() -> None:
    first = {"calendar": [OFFICE], "policy": [policy()]}
    second = {"calendar": [OFFICE], "policy": [policy({"goal": {"business": "PT16H"}}, version=2)]}
    old = build_rulebook([Document(first)], around=DAY)
    new = build_rulebook(
        [Document(first), Document(second, 2, "rebase_open", "too tight for the storm", "head", at("Mon 11:00"))],
        around=DAY,
        previous=old,
    )
    life = promised(old)
    life.rulebook = new
    life.asks("Mon 12:00", Recompute(COMPLAINT))
    because = explain(life)
    assert "policy 'plain' version 2" in because
    assert "Revision 2 of the rulebook moved it Monday 2 November 2026 12:00 (UTC)" in because
    assert "because of 'too tight for the storm', keeping everything that had counted before." in because


def test_a_late_answer_says_how_late_by_both_clocks() -> None:
    life = promised(book())
    life.hears("Sat 10:00", resolved("Sat 10:00"))
    assert explain(life).endswith("It was missed by 96 h (18 h of opening time).")
