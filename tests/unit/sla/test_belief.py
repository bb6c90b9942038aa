"""What did we believe on that day? Facts count from when they were recorded, whenever they happened."""

from typing import Any

import pytest

from services.sla.domain import DecideExtension, Evaluation, RevisePromise, SlaState, evaluate
from services.sla.explain.as_of import as_of
from tests.unit.sla.lives import (
    AWAITING,
    COMPLAINT,
    CUSTOMER,
    REOPENED,
    Life,
    accepted,
    at,
    book,
    bounced,
    milestone,
    policy,
    promised,
    received,
    resolved,
    triaged,
)

STRICT = book(policy({"goal": {"business": "PT2H"}}, id="fast", when={"severity": ["high"]}))
CAPPED = book(
    policy(id="capped", when={"severity": ["normal"]}, promise={"buffer": "PT4H", "extension": {"business_days": 2}})
)


def then(life: Life, moment: str) -> SlaState:
    assert life.state is not None
    believed = as_of(life.state, at(moment))
    assert believed is not None
    return believed


def book_of(life: Life, moment: str) -> Evaluation:
    return evaluate(then(life, moment), life.rulebook)


def clock(life: Life, moment: str, kind: str = "requester_wait"):
    return next(each for each in book_of(life, moment).clocks if each.kind == kind)


def test_a_letter_that_lay_about_was_not_known_before_it_was_recorded() -> None:
    life = Life()
    life.hears("Wed 10:00", received("Mon 10:00"))
    assert life.state is not None
    assert as_of(life.state, at("Tue 10:00")) is None
    assert clock(life, "Wed 10:00").due_at == at("Tue 10:00"), "though it counts from when it was handed over"


@pytest.mark.parametrize("what", [received("Mon 10:00"), REOPENED])
def test_a_moment_between_an_event_and_its_commit_is_no_failure(what: Any) -> None:
    """An event carries the time its transaction began; its id, which says when it was on disk, is a little later."""
    life = Life() if what is not REOPENED else promised()
    if what is REOPENED:
        life.hears("Mon 12:00", resolved("Mon 12:00"))
    life.hears("Mon 13:00", what, now="Mon 13:00:05")
    life.hears("Mon 13:00", triaged("low"), now="Mon 13:00:05")
    assert life.state is not None
    result = as_of(life.state, at("Mon 13:00:03"))
    assert (result is None) is (what is not REOPENED)
    if result is not None:
        assert [each_status.promise.cycle for each_status in evaluate(result, life.rulebook).promise_statuses] == [1]


def test_an_answer_told_late_was_not_believed_before() -> None:
    life = promised()
    life.passes_until("Wed 09:00")
    life.hears("Mon 15:00", resolved("Mon 15:00"), now="Wed 09:30")
    assert clock(life, "Wed 09:00").phase == "running"
    assert clock(life, "Wed 09:00").breached, "believed then, though it was answered in time"
    assert (clock(life, "Wed 09:30").phase, clock(life, "Wed 09:30").breached) == ("stopped", False)


def test_a_breach_is_believed_from_its_due_time_on_and_not_before() -> None:
    life = promised()
    life.passes_until("Wed 12:00")
    assert not clock(life, "Tue 10:00").breached
    assert clock(life, "Tue 10:01").breached


def test_a_pause_told_late_moves_the_due_time_only_from_then_on() -> None:
    life = promised()
    life.hears("Mon 11:00", AWAITING, now="Mon 16:00")
    life.hears("Mon 15:00", CUSTOMER, now="Mon 16:01")
    assert clock(life, "Mon 15:30").due_at == at("Tue 10:00")
    assert (clock(life, "Mon 16:00").phase, clock(life, "Mon 16:00").due_at) == ("paused", None)
    assert clock(life, "Mon 16:01").due_at == at("Tue 14:00")


def test_the_terms_of_triage_count_from_when_it_spoke() -> None:
    life = Life(STRICT)
    life.hears("Mon 10:00", received("Mon 10:00"))
    life.hears("Mon 11:00", triaged("high"))
    assert (clock(life, "Mon 10:30").due_at, clock(life, "Mon 10:30").provisional) == (at("Tue 10:00"), True)
    assert (clock(life, "Mon 11:00").due_at, clock(life, "Mon 11:00").provisional) == (at("Mon 12:00"), False)


def test_a_second_look_of_triage_is_not_believed_before_it_was_taken() -> None:
    life = promised(STRICT)
    life.hears("Mon 11:00", triaged("high"))
    assert clock(life, "Mon 10:59").due_at == at("Tue 10:00")
    assert clock(life, "Mon 11:00").due_at == at("Mon 12:00")


def test_a_promise_was_told_when_we_heard_that_it_was() -> None:
    life = promised()
    life.asks("Mon 11:00", RevisePromise(COMPLAINT, actor="ann", promise=1, due_at=at("Thu 12:00"), reason="x"))
    life.hears("Mon 11:05", accepted("Mon 11:05", "promise_moved", promise=2), now="Mon 13:00")
    assert [status.status for status in book_of(life, "Mon 10:59").promise_statuses] == ["open"]
    assert [element.status for element in book_of(life, "Mon 12:00").promise_statuses] == ["open", "untold"]
    assert [value.status for value in book_of(life, "Mon 13:00").promise_statuses] == ["revised", "open"]


def test_an_extension_was_open_until_it_was_decided() -> None:
    life = promised(CAPPED)
    life.asks("Mon 11:00", RevisePromise(COMPLAINT, actor="ann", promise=1, due_at=at("Fri 12:00"), reason="x"))
    life.asks("Mon 12:00", DecideExtension(COMPLAINT, actor="head", promise=1, approve=True))
    assert then(life, "Mon 10:59").extensions == ()
    [request] = then(life, "Mon 11:30").extensions
    assert (request.approved, request.by, request.decided_at) == (None, None, None)
    [decided] = then(life, "Mon 12:00").extensions
    assert (decided.approved, decided.by, decided.decided_at) == (True, "head", at("Mon 12:00"))
    assert [len(then(life, moment).promises) for moment in ("Mon 11:30", "Mon 12:00")] == [1, 2]


def test_an_acknowledgement_was_believed_until_the_bounce_came() -> None:
    life = promised()
    life.hears("Mon 10:20", accepted("Mon 10:20", promise=1, message="m1"))
    only = Life()
    only.hears("Mon 10:00", received("Mon 10:00"))
    only.hears("Mon 10:00", triaged())
    only.hears("Mon 10:20", accepted("Mon 10:20", promise=1, message="m1"))
    only.hears("Mon 10:40", bounced("m1", hard=True))
    assert clock(only, "Mon 10:30", "acknowledge").phase == "stopped"
    assert clock(only, "Mon 10:40", "acknowledge").phase == "running"
    assert [book_of(only, moment).promise_statuses[0].status for moment in ("Mon 10:10", "Mon 10:30", "Mon 10:40")] == [
        "untold",
        "open",
        "untold",
    ]


@pytest.mark.parametrize("moment", ["Mon 10:00", "Mon 11:30", "Tue 09:00", "Tue 16:00", "Thu 12:00"])
def test_what_is_believed_later_about_a_moment_is_what_was_true_then(moment: str) -> None:
    """Live through it until that moment, or look back at it from the end: one belief."""
    story = [
        ("Mon 10:00", received("Mon 10:00")),
        ("Mon 10:00", triaged()),
        ("Mon 10:05", accepted("Mon 10:05", promise=1)),
        ("Mon 11:00", AWAITING),
        ("Mon 13:00", CUSTOMER),
        ("Tue 10:00", triaged("high")),
        ("Tue 11:00", milestone("action_agreed", "Tue 11:00", "refund")),
        ("Wed 15:00", resolved("Wed 15:00")),
        ("Wed 15:30", accepted("Wed 15:30", "resolution")),
    ]
    lived, looked_back = Life(STRICT), Life(STRICT)
    for when, fact in story:
        looked_back.passes_until(when)
        looked_back.hears(when, fact)
        if at(when) <= at(moment):
            lived.passes_until(when)
            lived.hears(when, fact)
    lived.passes_until(moment)
    looked_back.passes_until("Sun+7 12:00")

    def shape(outcome: Evaluation) -> list[object]:
        seen = [(other.key, other.phase, other.due_at, other.breached, other.pauses) for other in outcome.clocks]
        return [
            seen,
            [
                (each_status.promise, each_status.status, each_status.told_at)
                for each_status in outcome.promise_statuses
            ],
        ]

    assert shape(book_of(looked_back, moment)) == shape(lived.ledger)
