"""A date follows from its explanation: which day is day 0, who was awaited, what a cycle began with."""

from datetime import date
from typing import Any

import pytest

from services.sla.domain import Recompute
from services.sla.explain.clock import ExplainContext, Reader, explain_clock
from services.sla.policies import Document, Rulebook, build_rulebook
from shared.contracts.events import ProgressRecorded
from tests.unit.sla.lives import (
    AWAITING,
    COMPLAINT,
    CUSTOMER,
    HANDLER,
    OFFICE,
    REOPENED,
    WITHDRAWN,
    WORKING,
    Life,
    accepted,
    assigned,
    at,
    milestone,
    policy,
    promised,
    resolved,
)
from tests.unit.sla.test_because import book, pack

SUPPLIER = ProgressRecorded(state="awaiting_third_party")


def explain(life: Life, now: str, kind: str = "requester_wait", cycle: int = 1, reader: Reader = "handler") -> str:
    assert life.state is not None
    return explain_clock(life.clock(kind, cycle), life.rulebook, reader, ExplainContext(life.state, at(now)))


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
def test_what_moved_day_zero_is_said(goal: dict[str, Any], moment: str, sentence: str, reader: Reader) -> None:
    rule = pack(goal={"business_days": 3, **goal})
    life = promised(book(pack=rule), moment=moment)
    assert sentence in explain(life, moment, "regulatory_final", reader=reader)


def test_a_day_on_which_it_plainly_began_needs_no_words() -> None:
    life = promised(book(goal={"business_days": 3, "cutoff": "17:00"}))
    assert "counts" not in explain(life, "Mon 10:00")


def test_opening_time_that_begins_later_says_so() -> None:
    life = promised(book(), moment="Fri 20:00")
    assert "outside opening hours, so time counts from Monday 9 November 2026 09:00 (UTC)" in explain(life, "Fri 20:00")


def working(goal: str) -> Rulebook:
    """A policy that counts the work on it, besides the answer."""
    plain = policy()
    clocks = [*plain["clocks"], {"kind": "agent_work", "goal": {"business": goal}}]
    return build_rulebook(
        [Document({"calendar": [OFFICE], "policy": [{**plain, "clocks": clocks}]})], around=date(2026, 11, 1)
    )


def test_who_was_awaited_and_who_is_and_when_it_would_be_due() -> None:
    life = promised(working("PT8H"))
    life.hears("Mon 10:00", assigned())
    life.hears("Mon 11:00", AWAITING)
    life.hears("Mon 12:00", SUPPLIER)
    life.hears("Mon 13:00", WORKING)
    life.hears("Mon 14:00", SUPPLIER)
    because = explain(life, "Mon 15:00", "agent_work")
    day = "Monday 2 November 2026"
    for sentence in (
        f"from {day} 11:00 (UTC) to {day} 12:00 (UTC), while the customer was awaited; that time does not count.",
        f"from {day} 12:00 (UTC) to {day} 13:00 (UTC), while a third party was awaited; that time does not count.",
        f"It has stood still since {day} 14:00 (UTC), while a third party is awaited.",
        "If it went on now, it would be due Tuesday 3 November 2026 13:00 (UTC).",
    ):
        assert sentence in because
    assert "somebody else is awaited" in explain_clock(life.clock("agent_work"), life.rulebook), "where nobody looks"


def test_the_time_in_which_it_was_closed_is_said() -> None:
    life = promised(working("PT16H"))
    life.hears("Mon 10:00", assigned())
    life.hears("Mon 12:00", resolved("Mon 12:00"))
    life.hears("Mon 14:00", REOPENED)
    assert "14:00 (UTC), while the complaint was closed; that time" in explain(life, "Mon 15:00", "agent_work")


def test_what_was_left_under_an_earlier_rulebook_is_said() -> None:
    first = {"calendar": [OFFICE], "policy": [policy()]}
    second = {"calendar": [OFFICE], "policy": [policy({"goal": {"business": "PT16H"}}, version=2)]}
    old = build_rulebook([Document(first)], around=date(2026, 11, 1))
    moved = Document(second, 2, "rebase_remaining", "a storm", "head", at("Mon 12:00"))
    life = promised(old)
    life.rulebook = build_rulebook([Document(first), moved], around=date(2026, 11, 1), previous=old)
    life.asks("Mon 12:00", Recompute(COMPLAINT))
    assert "keeping what was left of it (2 h had been used)." in explain(life, "Mon 12:00")


# ── what a cycle began with ───────────────────────────────────────────────────────────────────────────────────────────


def test_later_updates_count_from_what_the_customer_last_heard() -> None:
    life = promised(book(pack=pack(kind="periodic_update", start="received")))
    life.hears("Tue 10:00", HANDLER)
    first, second = (explain(life, "Tue 10:00", "periodic_update", cycle, "customer") for cycle in (1, 2))
    assert "from Monday 2 November 2026 10:00 (UTC), when your complaint reached us." in first
    assert "from Tuesday 3 November 2026 10:00 (UTC), when you last heard from us." in second
    assert "10:00 (UTC), when the customer last heard from us, because" in explain(
        life, "Tue 10:00", "periodic_update", 2
    )


def test_what_was_reopened_counts_from_then() -> None:
    life = promised(book())
    life.hears("Mon 12:00", resolved("Mon 12:00"))
    life.hears("Tue 10:00", REOPENED)
    assert "counted from Tuesday 3 November 2026 10:00 (UTC), when the complaint was opened again," in explain(
        life, "Tue 10:00", cycle=2
    )


# ── how it ended ──────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("reader", ["handler", "customer"])
@pytest.mark.parametrize(
    ("kind", "fact", "sentence"),
    [
        ("regulatory_final", WITHDRAWN, "It fell away when the complaint was withdrawn."),
        ("periodic_update", resolved("Mon 12:00"), "It fell away when the complaint was resolved."),
    ],
)
def test_what_fell_away_says_with_what(kind: str, fact: Any, sentence: str, reader: Reader) -> None:
    life = promised(book(pack=pack(kind=kind)))
    life.hears("Mon 12:00", fact)
    assert explain(life, "Mon 12:00", kind, reader=reader).endswith(sentence)


@pytest.mark.parametrize("reader", ["handler", "customer"])
def test_a_chance_that_passed_was_not_missed_and_one_that_was_taken_says_nothing_of_it(reader: Reader) -> None:
    passed, taken = (promised(book(pack=pack(kind="summary_resolution"))) for _ in range(2))
    passed.passes_until("Mon+7 10:00")
    taken.hears("Tue 10:00", milestone("settled", "Tue 10:00"))
    assert explain(passed, "Mon+7 10:00", "summary_resolution", reader=reader).endswith(
        "The chance passed; nothing was missed."
    )
    assert "chance" not in explain(taken, "Tue 10:00", "summary_resolution", reader=reader)
    clock = passed.clock("summary_resolution")
    over = clock._replace(phase="cancelled", ended_at=clock.due_at, breached=False)
    assert explain_clock(over, passed.rulebook, reader).endswith("The chance passed; nothing was missed.")


def test_a_chance_that_a_withdrawal_ended_in_time_fell_away() -> None:
    life = promised(book(pack=pack(kind="summary_resolution")))
    life.hears("Tue 10:00", WITHDRAWN)
    assert explain(life, "Tue 10:00", "summary_resolution").endswith("It fell away when the complaint was withdrawn.")


def test_items_are_named_to_both_readers() -> None:
    life = promised(book(pack=pack(kind="action_completion")))
    life.hears("Mon 11:00", milestone("action_agreed", "Mon 11:00", "refund"))
    for reader, words in (
        ("handler", "The agreed action (refund) is due"),
        ("customer", "the agreed action (refund) is"),
    ):
        assert words in explain(life, "Mon 12:00", "action_completion", reader=reader)  # type: ignore[arg-type]


def test_a_message_that_came_in_ends_no_wait_that_is_not_there() -> None:
    life = promised(book())
    life.hears("Mon 12:00", CUSTOMER)
    life.hears("Mon 12:30", accepted("Mon 12:30", "progress"))
    assert "stood still" not in explain(life, "Mon 13:00")
