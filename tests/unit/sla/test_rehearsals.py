"""Dry runs and back-tests of single complaints, with figures that are easy to count."""

from datetime import timedelta
from uuid import UUID

import pytest

from services.sla.domain import DecideExtension
from services.sla.policies import Mode, Rulebook, build_rulebook
from services.sla.policies.loader import Document
from services.sla.rulebook.back_test import BackTestCounter
from services.sla.rulebook.counterfactual import replay_under
from services.sla.rulebook.counters import EXAMPLES
from services.sla.rulebook.dry_run import DryRunCounter
from services.sla.rulebook.reports import FAILED_NAMED, BackTest, DryRun
from tests.unit.sla.complaint_builder import (
    AWAITING,
    COMPLAINT,
    POLICY,
    ComplaintBuilder,
    accepted,
    assigned,
    at,
    proposed,
    resolved,
    triaged,
    triaged_complaint,
)
from tests.unit.sla.rulebook_revisions import PLAIN, Data, closed_on, published, with_goal

STORM = closed_on("2026-11-03")


def dry_run(complaint: ComplaintBuilder, data: Data, mode: Mode = "rebase_open", moment: str = "Mon 12:00") -> DryRun:
    assert complaint.state
    before = published()
    counter = DryRunCounter(before, published((data, mode), previous=before), at(moment))
    counter.add(complaint.state)
    return counter.report()


def back_test(
    complaint: ComplaintBuilder, data: Data, moment: str = "Fri 12:00", actual: Rulebook | None = None
) -> BackTest:
    assert complaint.state
    draft = build_rulebook([Document(data)], around=at(moment).date())
    counter = BackTestCounter(actual or published(), draft, at(moment), 30)
    counter.add(complaint.state)
    return counter.report()


def test_a_late_holiday_makes_the_open_clock_of_opening_time_due_later() -> None:
    complaint = triaged_complaint(published())
    complaint.receive("Mon 10:00", assigned(team="billing"))
    report = dry_run(complaint, STORM)
    figures = (report.complaints, report.clocks, report.earlier, report.later, report.unchanged)
    assert figures == (1, 2, 0, 1, 1)
    (example,) = report.examples
    assert (example.clock, example.team, example.moved_seconds) == ("requester_wait:1", "billing", 86_400)
    assert [(hour.hour, hour.before, hour.after) for hour in report.load] == [
        (at("Tue 10:00"), 1, 0),
        (at("Wed 10:00"), 0, 1),
    ]
    assert report.promises_touched == report.other_terms == 0


def test_new_only_moves_nothing_and_reports_it() -> None:
    report = dry_run(triaged_complaint(published()), STORM, "new_only")
    assert (report.earlier, report.later, report.unchanged, report.load) == (0, 0, 2, [])
    assert report.sentences[0].startswith("Nothing moves: 1 open complaints")


def test_a_shorter_goal_breaches_at_once_and_a_longer_one_takes_a_breach_back() -> None:
    complaint = triaged_complaint(published())
    assert dry_run(complaint, with_goal({"business": "PT1H"})).breached_now == 1
    assert dry_run(complaint, with_goal({"business": "PT40H"}), moment="Tue 11:00").breach_voided == 1


def test_an_added_clock_starts_and_a_removed_clock_is_dropped() -> None:
    more = {
        **POLICY,
        "version": 2,
        "clocks": [*POLICY["clocks"], {"kind": "total_resolution", "goal": {"wall": "PT9H"}}],
    }
    less = {**POLICY, "version": 2, "clocks": POLICY["clocks"][1:]}
    complaint = triaged_complaint(published())
    assert dry_run(complaint, {**PLAIN, "policy": [more]}).started == 1
    assert dry_run(complaint, {**PLAIN, "policy": [less]}).dropped == 1
    assert dry_run(complaint, {**PLAIN, "policy": [less]}).other_terms == 1


def test_a_paused_clock_is_compared_by_its_forecast_due_time() -> None:
    complaint = triaged_complaint(published())
    complaint.receive("Mon 11:00", AWAITING)
    report = dry_run(complaint, STORM)
    assert report.later == 1
    assert report.load == []


def test_steps_that_would_fire_at_once_are_counted() -> None:
    assert dry_run(triaged_complaint(published()), with_goal({"business": "PT3H"})).rungs_now == 1


def test_only_failed_complaints_are_counted_as_failed() -> None:
    counter = DryRunCounter(published(), published((STORM, "rebase_open")), at("Mon 12:00"))
    counter.fail(COMPLAINT)
    report = counter.report()
    assert (report.failed, report.failed_such_as, report.complaints) == (1, [COMPLAINT], 0)
    assert report.sentences[-3:] == [
        "No promise of the others is touched.",
        f"1 of 1 complaints could not be computed and would stay as they are: {COMPLAINT}.",
        "That is more than one in a hundred, so it cannot be published.",
    ]


def test_a_complaint_that_fails_midway_is_not_counted_twice() -> None:
    complaint = triaged_complaint(published())
    assert complaint.state
    broken = complaint.state.replace(promises=(complaint.state.promises[0].replace(cycle=9),))
    for counter in (
        DryRunCounter(published(), published((STORM, "rebase_open")), at("Mon 12:00")),
        BackTestCounter(
            published(), build_rulebook([Document(STORM)], around=at("Fri 12:00").date()), at("Fri 12:00"), 30
        ),
    ):
        with pytest.raises(LookupError):
            counter.add(broken)
        counter.fail(COMPLAINT)
        counter.add(complaint.state)
        report = counter.report()
        assert (report.failed, report.complaints, getattr(report, "clocks", 2)) == (1, 1, 2)
        assert "1 of 2 complaints could not be computed" in " ".join(report.sentences)


def test_a_new_only_dry_run_reports_failures_too() -> None:
    counter = DryRunCounter(published(), published((STORM, "new_only")), at("Mon 12:00"))
    for number in range(FAILED_NAMED + 1):
        counter.fail(UUID(int=number))
    stays, failed, refused = counter.report().sentences
    assert stays.startswith(f"Nothing moves: {FAILED_NAMED + 1} open complaints stay")
    assert failed.endswith(f"{UUID(int=FAILED_NAMED - 1)} and others.")
    assert "cannot be published" in refused


def test_the_examples_that_moved_most_are_kept_and_listed_first() -> None:
    before = published()
    counter = DryRunCounter(
        before, published((with_goal({"business": "PT16H"}), "rebase_open"), previous=before), at("Fri 12:00")
    )
    for number in range(EXAMPLES + 10):
        complaint = triaged_complaint(before, f"Mon 10:{number:02}" if number % 2 else f"Thu 10:{number:02}")
        assert complaint.state
        counter.add(complaint.state)
    moved = [example.moved_seconds for example in counter.report().examples]
    assert len(moved) == EXAMPLES
    assert moved == sorted(moved, reverse=True)
    assert moved[0] > moved[-1]


def test_a_replay_under_the_same_rulebook_gives_the_same_state() -> None:
    complaint = triaged_complaint(published())
    complaint.receive("Mon 10:05", accepted("Mon 10:05", promise=1))
    complaint.receive("Mon 12:00", proposed("Thu 10:00"))
    complaint.receive("Mon 12:05", accepted("Mon 12:05", "promise_moved", promise=2))
    assert complaint.state
    replayed = replay_under(complaint.state, complaint.rulebook, complaint.rulebook)
    assert (replayed.terms, replayed.promises, replayed.tellings) == (
        complaint.state.terms,
        complaint.state.promises,
        complaint.state.tellings,
    )


def capped(business_days: int, before: Data = PLAIN) -> Data:
    """Return a document in which dates may be moved by `business_days` without approval."""
    promise = {**POLICY["promise"], "extension": {"business_days": business_days}}
    return {**before, "policy": [{**POLICY, "version": 2, "promise": promise}]}


def moved_by_a_handler(rulebook: Rulebook) -> ComplaintBuilder:
    """Build a complaint whose date was moved from Tuesday to Thursday, told in time, and kept."""
    complaint = triaged_complaint(rulebook)
    complaint.receive("Mon 10:05", accepted("Mon 10:05", promise=1))
    complaint.receive("Mon 12:00", proposed("Thu 10:00"))
    complaint.receive("Mon 12:05", accepted("Mon 12:05", "promise_moved", promise=2))
    complaint.resolve_and_tell("Wed 12:00")
    return complaint


def test_a_date_beyond_the_cap_of_the_draft_needs_approval() -> None:
    complaint = moved_by_a_handler(published())
    near, far = (back_test(complaint, capped(days)).promises for days in (1, 2))
    assert (near.kept, near.kept_instead, near.broken_instead) == (1, 0, 1)
    assert (far.kept, far.kept_instead, far.broken_instead) == (1, 1, 0)


def test_a_date_that_was_approved_counts_as_approved_under_the_draft() -> None:
    book = published((capped(0), "rebase_open"))
    complaint = triaged_complaint(book)
    complaint.receive("Mon 10:05", accepted("Mon 10:05", promise=1))
    complaint.receive("Mon 12:00", proposed("Thu 10:00"))
    complaint.handle("Mon 12:01", DecideExtension(COMPLAINT, actor="eve", promise=1, approve=True))
    complaint.receive("Mon 12:05", accepted("Mon 12:05", "promise_moved", promise=2))
    complaint.resolve_and_tell("Wed 12:00")
    promises = back_test(complaint, capped(1), actual=book).promises
    assert (promises.dates_told, promises.same, promises.kept_instead, promises.broken_instead) == (2, 2, 1, 0)


def test_a_stricter_goal_of_the_draft_adds_a_breach() -> None:
    complaint = triaged_complaint(published())
    complaint.receive("Mon 10:00", assigned(team="billing"))
    complaint.receive("Mon 16:00", resolved("Mon 16:00"))
    report = back_test(complaint, with_goal({"business": "PT4H"}))
    assert (report.gained, report.lost) == (1, 0)
    gained = [group for group in report.breaches if group.gained]
    assert [(group.clock, group.policy, group.team, group.before, group.after) for group in gained] == [
        ("requester_wait", "plain", "billing", 0, 1)
    ]
    assert report.signals.warnings_instead == report.signals.warnings + 1  # 50% is reached either way, 75% and 90% not
    assert "1 breaches more" in report.sentences[0]


def test_a_holiday_of_the_draft_removes_a_breach() -> None:
    complaint = triaged_complaint(published())
    complaint.receive("Tue 12:00", resolved("Tue 12:00"))
    report = back_test(complaint, closed_on("2026-11-03"))
    assert (report.gained, report.lost) == (0, 1)


def test_a_promise_keeps_its_told_time_and_is_kept_or_broken_by_its_own_date() -> None:
    complaint = triaged_complaint(published())
    complaint.receive("Mon 10:05", accepted("Mon 10:05", promise=1))
    complaint.resolve_and_tell("Tue 13:00")
    promises = back_test(complaint, with_goal({"business": "PT2H"})).promises
    assert (promises.dates_told, promises.earlier, promises.later) == (1, 1, 0)
    assert (promises.kept, promises.broken) == (1, 0)
    assert (promises.kept_instead, promises.broken_instead) == (0, 1)


def test_a_step_that_fired_before_a_pause_is_not_moved_by_it() -> None:
    complaint = triaged_complaint(published())
    complaint.receive("Mon 15:00", AWAITING)  # 50% was at 14:00
    complaint.receive("Tue 15:00", triaged())
    same = back_test(complaint, PLAIN)
    assert same.load == []
    assert same.signals.warnings == same.signals.warnings_instead
    requester_wait = [{**POLICY, "clocks": POLICY["clocks"][1:]}]
    assert back_test(complaint, {**PLAIN, "policy": requester_wait}).signals.warnings_instead == 1


def test_the_load_is_reported_for_each_hour_that_differs() -> None:
    complaint = triaged_complaint(published())
    complaint.receive("Mon 10:00", assigned(team="billing"))
    hours = back_test(complaint, with_goal({"business": "PT8H"}, rungs=[{"after": "PT1H"}])).load
    assert all(hour.team == "billing" for hour in hours)
    assert {hour.hour for hour in hours if hour.after > hour.before} == {at("Tue 11:00")}
    assert timedelta() == min(hour.hour for hour in hours) - at("Mon 14:00")
