"""Escalation steps: their times, that each fires once per cycle, and their addressees."""

from datetime import date, timedelta
from typing import Any

import pytest

from services.sla.policies import Rulebook, parse_rulebook
from shared.contracts.events import ClockBreached, ClockEscalated, ClockWarned
from tests.unit.sla.complaint_builder import (
    AWAITING,
    CUSTOMER,
    OFFICE,
    POLICY,
    REOPENED,
    ComplaintBuilder,
    accepted,
    at,
    policy,
    received,
    resolved,
    triaged,
    triaged_complaint,
)

DAY = date(2026, 11, 1)
LUNCH = {day: [["10:00", "13:00"], ["14:00", "18:00"]] for day in ("mon", "tue", "wed", "thu", "fri")}


def rulebook_with_steps(
    *rungs: Any, goal: dict[str, Any] | None = None, hours: dict[str, Any] | None = None
) -> Rulebook:
    """Return a rulebook with these steps on the clock of the answer, and an acknowledgement clock without steps."""
    office = {**OFFICE, "weekly_hours": hours} if hours else OFFICE
    changed = policy({"goal": goal or {"business": "PT8H"}, "rungs": list(rungs)})
    changed["clocks"] = [{**POLICY["clocks"][0], "rungs": []}, changed["clocks"][1]]
    return parse_rulebook({"calendar": [office], "policy": [changed]}, around=DAY)


def fired_steps(rulebook: Rulebook, moment: str = "Mon 10:00", until: str = "Mon+14 00:00") -> list[tuple[str, Any]]:
    """Return each step with the time at which it fired."""
    complaint = triaged_complaint(rulebook, moment)
    complaint.receive(moment, accepted(moment))
    fired: list[tuple[str, Any]] = []
    while complaint.state and complaint.state.due_at and complaint.state.due_at <= at(until):
        now = complaint.state.due_at
        name = now.strftime("%a ") + now.strftime("%H:%M")
        weeks = (now - at("Mon 00:00")).days // 7
        label = f"{name[:3]}+{7 * weeks} {name[4:]}" if weeks else name
        events_published = complaint._decide(_tick(now), now)
        fired += [(fact.rung, label) for fact in events_published if isinstance(fact, ClockWarned | ClockEscalated)]
    return fired


def _tick(now: Any) -> Any:
    from shared.runner.types import Tick

    return Tick(now)


@pytest.mark.parametrize(
    ("rung", "expected"),
    [
        (50, [("50%", "Mon 14:00")]),
        (99, [("99%", "Tue 09:55")]),
        ({"before": "PT1H"}, [("-PT1H", "Tue 09:00")]),  # opening time: an hour of work is left
        ({"before": "PT2H"}, [("-PT2H", "Mon 16:00")]),
        ({"before": "PT2H", "counted": "wall"}, [("-PT2H", "Tue 08:00")]),
        ({"before": "PT2H", "counted": "wall", "open_hours": True}, [("-PT2H", "Tue 09:00")]),
        ({"after": "PT4H"}, [("+PT4H", "Tue 14:00")]),
        ({"after": "PT8H"}, [("+PT8H", "Wed 10:00")]),
        ({"after": "PT8H", "counted": "wall"}, [("+PT8H", "Tue 18:00")]),
        ({"after": "PT8H", "counted": "wall", "open_hours": True}, [("+PT8H", "Wed 09:00")]),
        (
            {"after": "PT4H", "every": "PT8H", "at_most": 3},
            [("+PT4H", "Tue 14:00"), ("+PT4H#2", "Wed 14:00"), ("+PT4H#3", "Thu 14:00")],
        ),
        (
            {"after": "PT1H", "every": "PT24H", "at_most": 2, "counted": "wall"},
            [("+PT1H", "Tue 11:00"), ("+PT1H#2", "Wed 11:00")],
        ),
    ],
)
def test_a_step_is_placed_by_its_form(rung: Any, expected: list[tuple[str, str]]) -> None:
    assert fired_steps(rulebook_with_steps(rung)) == expected


def test_all_steps_of_a_clock_fire_in_order() -> None:
    changed = rulebook_with_steps(50, 75, {"before": "PT30M"}, {"after": "PT4H", "every": "PT8H", "at_most": 2})
    assert [rung for rung, _ in fired_steps(changed)] == ["50%", "75%", "-PT30M", "+PT4H", "+PT4H#2"]


def test_half_an_hour_before_monday_half_past_nine_is_monday_at_nine_and_not_friday_evening() -> None:
    """A warning at closing time reaches a handler too late to act on it."""
    changed = rulebook_with_steps({"before": "PT30M"}, goal={"business": "PT30M"})
    assert fired_steps(changed, "Fri 17:00")[0] == ("-PT30M", "Mon+7 09:00")


def test_each_step_fires_once_in_each_cycle() -> None:
    complaint = triaged_complaint(rulebook_with_steps(50, {"after": "PT1H"}))
    complaint.receive("Mon 10:00", accepted("Mon 10:00"))
    complaint.pass_time_until("Tue 12:00")
    complaint.receive("Tue 12:00", resolved("Tue 12:00"))
    complaint.receive("Tue 13:00", REOPENED)
    complaint.pass_time_until("Fri 12:00")
    facts = [(fact.cycle, fact.rung) for fact in complaint.published if isinstance(fact, ClockWarned | ClockEscalated)]
    assert facts == [(1, "50%"), (1, "+PT1H"), (2, "50%"), (2, "+PT1H")]


def test_a_fired_step_does_not_fire_again_if_a_pause_moves_it_into_the_future() -> None:
    complaint = triaged_complaint(rulebook_with_steps(50))
    complaint.receive("Mon 10:00", accepted("Mon 10:00"))
    complaint.pass_time_until("Mon 14:30")
    complaint.receive("Mon 14:30", AWAITING)
    complaint.receive("Wed 14:30", CUSTOMER)
    complaint.pass_time_until("Fri 17:00")
    assert [fact.rung for fact in complaint.published if isinstance(fact, ClockWarned)] == ["50%"]


@pytest.mark.parametrize(
    ("rung", "to"), [(50, "handler"), ({"after": "PT1H"}, "lead"), ({"after": "PT1H", "to": "head"}, "head")]
)
def test_a_step_names_its_addressee(rung: Any, to: str) -> None:
    complaint = triaged_complaint(rulebook_with_steps(rung))
    complaint.pass_time_until("Wed 12:00")
    [fact] = [each for each in complaint.published if isinstance(each, ClockWarned | ClockEscalated)]
    assert fact.to == to


def test_of_escalations_missed_together_only_the_last_is_published() -> None:
    complaint = triaged_complaint(rulebook_with_steps({"after": "PT1H", "every": "PT1H", "at_most": 4}))
    complaint.receive("Mon 10:00", accepted("Mon 10:00"))
    published = complaint.tick("Tue 12:30")
    published += complaint.tick("Tue 12:30")
    assert [fact.rung for fact in published if isinstance(fact, ClockEscalated)] == ["+PT1H#2"]
    assert [fact.rung for fact in complaint.pass_time_until("Wed 17:00") if isinstance(fact, ClockEscalated)] == [
        "+PT1H#3",
        "+PT1H#4",
    ]


def test_an_escalation_contains_how_late_the_clock_is() -> None:
    complaint = triaged_complaint(rulebook_with_steps({"after": "PT8H"}))
    complaint.pass_time_until("Wed 10:00")
    [fact] = [element for element in complaint.published if isinstance(element, ClockEscalated)]
    assert fact.late_by == timedelta(hours=24)


# ── what users of other systems complained about ──────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "rung",
    [
        {"after": "PT14H", "every": "PT24H", "at_most": 6, "counted": "wall", "open_hours": True},
        {"before": "PT9H", "counted": "wall", "open_hours": True},
    ],
)
def test_nobody_is_reminded_at_midnight_or_on_a_weekend(rung: Any) -> None:
    """Zammad 4432: reminders came at midnight and on weekends."""
    fired = fired_steps(rulebook_with_steps(rung), "Thu 10:00")
    assert fired
    for _, label in fired:
        day, clock = label.split()
        assert day[:3] in ("Mon", "Tue", "Wed", "Thu", "Fri")
        assert "09:00" <= clock < "17:00"


def test_an_escalation_on_a_calendar_of_several_segments_is_never_at_midnight() -> None:
    """GLPI 22678: escalated at 00:00 instead of 10:00 where a day had several segments."""
    changed = rulebook_with_steps(
        {"after": "PT7H", "every": "PT7H", "at_most": 3, "open_hours": True}, hours=LUNCH, goal={"business": "PT7H"}
    )
    assert fired_steps(changed, "Mon 09:00") == [
        ("+PT7H", "Wed 10:00"),
        ("+PT7H#2", "Thu 10:00"),
        ("+PT7H#3", "Fri 10:00"),
    ]


def test_a_lunch_break_is_not_counted() -> None:
    """Frappe 2212: no way to leave out lunch hours."""
    complaint = triaged_complaint(rulebook_with_steps(50, hours=LUNCH), "Mon 10:00")
    assert complaint.clock().due_at == at("Tue 11:00"), "three hours, lunch, four hours, and one more on Tuesday"
    assert complaint.clock().steps[0].at == at("Mon 15:00"), "half of them: three before lunch and one after it"


def test_a_pause_over_lunch_gives_back_only_the_working_hours() -> None:
    complaint = triaged_complaint(rulebook_with_steps(50, hours=LUNCH), "Mon 10:00")
    complaint.receive("Mon 12:00", AWAITING)
    complaint.receive("Mon 15:00", CUSTOMER)
    assert complaint.clock().due_at == at("Tue 13:00"), "two hours of three: nobody works over lunch"


def test_a_complaint_paused_for_half_a_year_is_not_late_when_resolved_from_the_pause() -> None:
    """Frappe 3776: on hold from February to August, then 42 days of resolution time."""
    complaint = triaged_complaint(rulebook_with_steps(50, 90))
    complaint.receive("Mon 10:00", accepted("Mon 10:00"))
    complaint.receive("Mon 11:00", AWAITING)
    assert complaint.pass_time_until("Mon+182 12:00") == []
    complaint.receive("Mon+182 12:00", resolved("Mon+182 12:00"))
    assert not complaint.clock().breached
    assert complaint.state is not None
    assert complaint.state.spent_seconds == 3600, "one hour of work, whatever the calendar says"


def test_a_pause_is_counted_in_opening_time_and_not_in_nights() -> None:
    """ERPNext 47884 and 49414: hold time counted day and night gave nights back twice."""
    complaint = triaged_complaint(rulebook_with_steps())
    complaint.receive("Mon 16:00", AWAITING)
    complaint.receive("Tue 10:00", CUSTOMER)
    assert complaint.clock().due_at == at("Tue 12:00"), "two hours, not eighteen"


def test_a_pause_survives_a_change_of_policy() -> None:
    """GLPI 6902 and 15605: pending time was lost when the priority changed."""
    two = parse_rulebook(
        {
            "calendar": [OFFICE],
            "policy": [policy({"goal": {"business": "PT6H"}}, id="fast", when={"severity": ["high"]}), POLICY],
        },
        around=DAY,
    )
    complaint = triaged_complaint(two)
    complaint.receive("Mon 11:00", AWAITING)
    complaint.receive("Mon 13:00", CUSTOMER)
    assert complaint.clock().due_at == at("Tue 12:00")
    complaint.receive("Mon 14:00", triaged("high"))
    assert complaint.clock().due_at == at("Tue 10:00"), "six hours from Monday 10:00 and the two that were paused"


def test_a_comment_does_not_restart_the_escalation() -> None:
    """DIGIT measured from the last modification, so any comment started it again."""
    complaint = triaged_complaint(rulebook_with_steps({"after": "PT1H"}))
    complaint.receive("Mon 12:00", CUSTOMER)
    complaint.pass_time_until("Tue 12:00")
    assert [fact.due_at for fact in complaint.published if isinstance(fact, ClockEscalated)] == [at("Tue 10:00")]


def test_many_steps_at_the_breach_publish_one_event() -> None:
    """GLPI 2408: hundreds of mails at the moment of the breach."""
    complaint = triaged_complaint(rulebook_with_steps(50, 75, 90, {"after": "PT8H", "every": "PT8H", "at_most": 3}))
    complaint.receive("Mon 10:00", accepted("Mon 10:00"))
    published_facts = complaint.tick("Tue 10:30") + complaint.tick("Tue 10:31") + complaint.tick("Tue 10:32")
    assert [type(fact) for fact in published_facts if "Clock" in type(fact).__name__] == [ClockBreached]


def test_a_complaint_in_another_zone_is_not_failed_when_it_is_new() -> None:
    """Frappe 3776: a new ticket showed Failed, because times were naive."""
    tokyo = {**OFFICE, "tz": "Asia/Tokyo"}
    rules = parse_rulebook({"calendar": [tokyo], "policy": [POLICY]}, around=DAY)
    complaint = ComplaintBuilder(rules)
    complaint.receive("Mon 01:00", received("Mon 01:00"))
    complaint.receive("Mon 01:00", triaged())
    complaint.tick("Mon 01:01")
    assert not complaint.clock().breached
    assert complaint.clock().due_at == at("Tue 01:00"), "from 10:00 to 17:00 in Tokyo, and one hour on Tuesday"


def test_of_steps_moved_to_one_opening_the_highest_is_published() -> None:
    low, high = (
        {"after": after, "counted": "wall", "open_hours": True, "to": to}
        for after, to in (("PT1H", "lead"), ("PT4H", "head"))
    )
    for changed in ((low, high), (high, low)):
        fired = fired_steps(rulebook_with_steps(*changed, goal={"business": "PT7H"}))
        assert [rung for rung, _ in fired if rung.startswith("+")] == ["+PT4H"]


def test_a_warning_does_not_move_beyond_the_due_time() -> None:
    rung = {"before": "PT1H", "counted": "wall", "open_hours": True}
    fired = fired_steps(rulebook_with_steps(rung, goal={"wall": "PT122H"}))  # due on Saturday at noon
    assert ("-PT1H", "Sat 11:00") in fired
