"""A publication recomputes open complaints: their revision and clocks change, promises never do."""

from datetime import timedelta

from services.sla.domain import Recompute
from services.sla.policies import Rulebook
from shared.contracts.events import (
    ClockBreached,
    ClockBreachVoided,
    ClockCorrected,
    ClockRebased,
    ClockWarned,
    PromiseBroken,
)
from tests.unit.sla import lives
from tests.unit.sla.lives import COMPLAINT, Life, accepted, at, opened, resolved, triaged
from tests.unit.sla.published import closed_on, published, with_goal

ASKED = Recompute(COMPLAINT)
STORM = closed_on("2026-11-03")  # the Tuesday of that week


def under(life: Life, rulebook: Rulebook) -> Life:
    life.rulebook = rulebook
    return life


def revisions(life: Life) -> list[int]:
    assert life.state
    return [applied.terms.revision for applied in life.state.terms]


def test_a_late_holiday_moves_the_due_time_and_says_from_where_to_where() -> None:
    life = under(opened(published()), published((STORM, "rebase_open")))
    assert life.clock().due_at == at("Tue 10:00")
    events = life.asks("Mon 12:00", ASKED)
    assert life.clock().due_at == at("Wed 10:00")
    (moved,) = (fact for fact in events if isinstance(fact, ClockRebased))
    assert (moved.old_due_at, moved.due_at) == (at("Tue 10:00"), at("Wed 10:00"))
    assert (moved.actor, moved.reason) == ("actor 2", "reason 2")
    assert life.asks("Mon 12:01", ASKED) == []


def test_new_only_moves_nothing_and_a_second_look_of_triage_stays_in_the_old_revision() -> None:
    life = under(opened(published()), published((STORM, "new_only")))
    before = life.state
    assert life.asks("Mon 12:00", ASKED) == []
    assert life.state == before
    life.hears("Mon 13:00", triaged("high"))
    assert revisions(life) == [1, 1, 1]
    assert life.clock().due_at == at("Tue 10:00")


def test_a_new_only_revision_does_not_hide_an_older_one_that_moves_what_is_open() -> None:
    """The worker was slower than the next publication."""
    later = with_goal({"business": "PT2H"}, before=STORM)
    life = under(opened(published()), published((STORM, "rebase_open"), (later, "new_only")))
    life.asks("Mon 12:00", ASKED)
    assert revisions(life) == [1, 1, 2]
    assert life.clock().due_at == at("Wed 10:00")
    assert life.clock().spec.source.version == 1


def test_several_publications_apply_one_after_the_other() -> None:
    slower = with_goal({"business": "PT16H"}, before=STORM)
    book = published((STORM, "rebase_open"), (slower, "rebase_remaining"))
    at_once, one_by_one = (opened(published()) for _ in range(2))
    under(at_once, book).asks("Mon 12:00", ASKED)
    under(one_by_one, published((STORM, "rebase_open"))).asks("Mon 12:00", ASKED)
    under(one_by_one, book).asks("Mon 12:00", ASKED)
    assert revisions(at_once) == revisions(one_by_one) == [1, 1, 2, 3]
    assert at_once.clock().due_at == one_by_one.clock().due_at


def test_a_triage_heard_after_a_publication_but_older_than_it_meets_both_revisions_as_they_were() -> None:
    urgent = {**lives.POLICY, "id": "urgent", "when": {"severity": ["high"]}}
    first = {"calendar": [lives.OFFICE], "policy": [urgent, lives.POLICY]}
    third = {**first, "policy": [lives.POLICY]}
    book = published((first, "rebase_open"), (third, "new_only"))
    life = under(opened(published()), book)
    life.asks("Mon 12:00", ASKED)
    life.hears("Mon 11:00", triaged("high"), now="Mon 12:30")
    assert life.state
    assert [(applied.why, applied.terms.revision, applied.terms.policy) for applied in life.state.terms] == [
        ("receipt", 1, "plain"),
        ("triage", 1, "plain"),
        ("triage", 1, "plain"),
        ("rebase", 2, "urgent"),
    ]


def test_what_is_left_is_counted_by_the_new_goal() -> None:
    life = under(opened(published()), published((with_goal({"business": "PT4H"}), "rebase_remaining")))
    life.asks("Mon 13:00", ASKED)  # three of the eight hours are gone, so one of the four is left
    assert life.clock().due_at == at("Mon 14:00")


def test_rungs_that_fired_do_not_fire_again_and_those_now_past_are_said_as_one() -> None:
    life = opened(published())
    life.passes_until("Mon 14:00")
    assert [
        fact.rung for fact in life.published if isinstance(fact, ClockWarned) and fact.clock == "requester_wait"
    ] == ["50%"]
    under(life, published((with_goal({"business": "PT5H"}), "rebase_open")))
    events = life.asks("Mon 14:45", ASKED)
    assert [fact.rung for fact in events if isinstance(fact, ClockWarned)] == ["90%"]
    life.passes_until("Mon+7 09:00")
    rungs = [(fact.clock, fact.rung) for fact in life.published if isinstance(fact, ClockWarned)]
    assert len(rungs) == len(set(rungs))


def test_a_breach_that_disappears_is_voided_and_one_that_appears_is_said_with_its_reason() -> None:
    life = opened(published())
    life.passes_until("Tue 11:00")
    assert any(isinstance(fact, ClockBreached) and fact.clock == "requester_wait" for fact in life.published)
    events = under(life, published((STORM, "rebase_open"))).asks("Tue 12:00", ASKED)
    (voided,) = (fact for fact in events if isinstance(fact, ClockBreachVoided))
    assert (voided.clock, voided.reason) == ("requester_wait", "reason 2")


def test_a_promise_stays_whatever_is_published() -> None:
    life = opened(published())
    life.hears("Mon 10:05", accepted("Mon 10:05", promise=1))
    assert life.state
    promises = life.state.promises
    events = under(life, published((with_goal({"business": "PT1H"}), "rebase_open"))).asks("Mon 12:00", ASKED)
    assert life.state.promises == promises
    assert not [fact for fact in events if isinstance(fact, PromiseBroken)]
    assert [status.status for status in life.ledger.promise_statuses] == ["open"]


def test_a_clock_that_ended_keeps_its_terms() -> None:
    life = opened(published())
    life.hears("Mon 10:05", accepted("Mon 10:05", promise=1))
    closed = life.clock("acknowledge")
    under(life, published((closed_on("2026-11-02"), "rebase_open"))).asks("Mon 12:00", ASKED)
    assert life.clock("acknowledge").due_at == closed.due_at
    life.hears("Mon 15:00", resolved("Mon 15:00"))
    ended = life.clock()
    under(
        life, published((closed_on("2026-11-02"), "rebase_open"), (closed_on("2026-11-03", version=3), "rebase_open"))
    )
    life.asks("Mon 16:00", ASKED)
    assert (life.clock().due_at, life.clock().breached) == (ended.due_at, ended.breached)


def test_terms_never_go_back_in_time_where_two_machines_disagree_about_it() -> None:
    life = opened(published())
    life.hears("Mon 12:00", triaged("high"))
    under(life, published((STORM, "rebase_open"))).asks("Mon 11:59", ASKED)
    assert life.state
    ats = [applied.at for applied in life.state.terms]
    assert ats == sorted(ats)
    assert ats[-1] - ats[-2] == timedelta()


def test_what_was_left_stays_what_is_left_when_triage_looks_again_and_changes_nothing() -> None:
    life = under(opened(published()), published((with_goal({"business": "PT4H"}), "rebase_remaining")))
    life.asks("Mon 15:00", ASKED)
    due_at = life.clock().due_at
    life.hears("Tue 09:00", triaged("high"))
    assert life.clock().due_at == due_at


def test_only_a_publication_says_rebased_a_late_triage_corrects() -> None:
    urgent = {**lives.POLICY, "id": "urgent", "when": {"severity": ["high"]}}
    urgent["clocks"] = [urgent["clocks"][0], {**urgent["clocks"][1], "goal": {"business": "PT2H"}}]
    both = {"calendar": [lives.OFFICE], "policy": [urgent, lives.POLICY]}
    life = under(opened(published()), published((both, "rebase_open")))
    life.asks("Mon 12:00", ASKED)
    events = life.hears("Mon 11:00", triaged("high"), now="Mon 12:30")
    assert not [fact for fact in events if isinstance(fact, ClockRebased)]
    (moved,) = (fact for fact in events if isinstance(fact, ClockCorrected) and fact.clock == "requester_wait")
    assert moved.cause_event
