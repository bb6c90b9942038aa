"""Promises in the customer's words: what was promised, in whose time, and what became of it."""

import pytest

from services.sla.domain import MakePromise, RevisePromise
from services.sla.explain.clock import ExplainContext, Reader, explain_promise
from services.sla.routes import schemas
from shared.contracts.events import Merged
from tests.unit.sla.lives import (
    COMPLAINT,
    WITHDRAWN,
    Life,
    accepted,
    at,
    milestone,
    promised,
    proposed,
    resolved,
)


def explain(life: Life, now: str, reader: Reader = "customer") -> list[str]:
    assert life.state is not None
    look = ExplainContext(life.state, at(now))
    return [explain_promise(status, life.rulebook, reader, look) for status in life.ledger.promise_statuses]


def moved(when: str = "Tue 10:00") -> Life:
    """The date of Tuesday 14:00 was moved to Thursday 12:00, and the customer told so."""
    life = promised()
    life.hears("Mon 15:00", proposed("Thu 12:00"))
    life.passes_until(when)
    life.hears(when, accepted(when, "promise_moved", promise=2))
    return life


def answered(life: Life, when: str) -> None:
    life.hears(when, resolved(when))
    life.hears(when, accepted(when, "resolution"))


def test_what_was_kept_says_when() -> None:
    life = promised()
    answered(life, "Tue 11:00")
    assert explain(life, "Tue 11:00")[0].endswith("We kept it: it was done on Tuesday 3 November 2026 11:00 (UTC).")


def test_what_was_broken_says_so_and_when_it_was_done_after_all() -> None:
    life = promised()
    life.passes_until("Wed 10:00")
    assert explain(life, "Wed 10:00")[0].endswith("We have not kept it.")
    answered(life, "Wed 11:00")
    assert explain(life, "Wed 11:00")[0].endswith(
        "We did not keep it: it was done on Wednesday 4 November 2026 11:00 (UTC), after that date."
    )


def test_a_date_that_was_moved_no_longer_stands_and_the_new_one_does() -> None:
    first, second = explain(moved(), "Tue 10:00")
    assert first.endswith("This date no longer stands: we told you a later one on Tuesday 3 November 2026 10:00 (UTC).")
    assert second.endswith("This date took the place of an earlier one.")


def test_a_date_that_passed_before_the_next_was_told_says_so() -> None:
    first, _ = explain(moved("Wed 10:00"), "Wed 10:00")
    assert first.endswith("This date passed before we told you a later one, on Wednesday 4 November 2026 10:00 (UTC).")


def test_a_later_date_that_was_kept() -> None:
    life = moved()
    answered(life, "Wed 10:00")
    first, second = explain(life, "Wed 10:00")
    assert "This date no longer stands" in first
    assert second.endswith("earlier one. We kept it: it was done on Wednesday 4 November 2026 10:00 (UTC).")


@pytest.mark.parametrize("reader", ["handler", "customer"])
@pytest.mark.parametrize(
    ("ending", "words"),
    [
        (WITHDRAWN, "It fell away when the complaint was withdrawn."),
        (Merged(into=COMPLAINT, into_reference="R-2"), "It fell away when the complaint was joined to another one."),
    ],
)
def test_what_fell_away_says_with_what(ending: object, words: str, reader: Reader) -> None:
    life = promised()
    life.hears("Mon 12:00", ending)  # type: ignore[arg-type]
    assert explain(life, "Mon 13:00", reader)[0].endswith(words)


def actions() -> Life:
    life = promised()
    for number, item in enumerate(("refund", "a new lock"), start=2):
        life.hears("Mon 11:00", milestone("action_agreed", "Mon 11:00", item))
        life.asks("Mon 12:00", MakePromise(COMPLAINT, actor="ann", subject="action", item=item, due_at=at("Thu 10:00")))
        life.hears("Mon 12:30", accepted("Mon 12:30", "progress", promise=number, message=item))
    return life


def test_several_actions_are_told_apart() -> None:
    life = actions()
    _, refund, lock = explain(life, "Mon 13:00")
    assert refund.startswith("We promised you the action we agreed (refund) by Thursday")
    assert lock.startswith("We promised you the action we agreed (a new lock) by Thursday")
    _, refund, _ = explain(life, "Mon 13:00", "handler")
    assert "by ann for the action we agreed (refund), within the hours" in refund


# ── whose time, and what is not theirs ────────────────────────────────────────────────────────────────────────────────


def living_in(zone: str | None) -> Life:
    life = promised()
    assert life.state is not None
    assert life.state.receipt is not None
    life.state = life.state.replace(receipt=life.state.receipt.replace(timezone=zone))
    return life


@pytest.mark.parametrize(
    ("zone", "due"),
    [
        ("Asia/Jakarta", "Tuesday 3 November 2026 21:00 (Asia/Jakarta)"),
        ("Atlantis/Nowhere", "Tuesday 3 November 2026 14:00 (UTC)"),
        ("../etc", "Tuesday 3 November 2026 14:00 (UTC)"),
        (None, "Tuesday 3 November 2026 14:00 (UTC)"),
    ],
)
def test_a_customer_reads_their_own_time_where_it_is_known_and_a_handler_the_calendars(zone: str, due: str) -> None:
    life = living_in(zone)
    assert f"an answer by {due}" in explain(life, "Mon 11:00")[0]
    assert "Jakarta" not in explain(life, "Mon 11:00", "handler")[0]


def test_a_customer_is_told_neither_who_of_us_it_was_nor_when_we_warn_ourselves() -> None:
    life = actions()
    life.asks("Mon 13:00", RevisePromise(COMPLAINT, actor="ann", promise=2, due_at=at("Fri 10:00"), reason="x"))
    life.hears("Mon 13:10", accepted("Mon 13:10", "promise_moved", promise=4))
    assert life.state is not None
    handler_view, customer_view = (
        schemas.clocks(life.state, life.rulebook, at("Mon 13:30"), who) for who in ("handler", "customer")
    )
    assert {promise.by for promise in handler_view.promises} == {"policy", "ann"}
    assert {each.by for each in customer_view.promises} == {None}
    assert any(clock.next_step_at for clock in handler_view.clocks)
    assert not any(element.next_step_at for element in customer_view.clocks)
    assert "ann" not in customer_view.model_dump_json()
