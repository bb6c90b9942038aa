"""Ladders: where each form of rung stands, that each fires once per cycle, and whom it calls."""

from datetime import date, timedelta
from typing import Any

import pytest

from services.sla.policies import Rulebook, parse_rulebook
from shared.contracts.events import ClockBreached, ClockEscalated, ClockWarned
from tests.unit.sla.lives import (
    AWAITING,
    CUSTOMER,
    OFFICE,
    POLICY,
    REOPENED,
    Life,
    accepted,
    at,
    opened,
    policy,
    received,
    resolved,
    triaged,
)

DAY = date(2026, 11, 1)
LUNCH = {day: [["10:00", "13:00"], ["14:00", "18:00"]] for day in ("mon", "tue", "wed", "thu", "fri")}


def with_ladder(*rungs: Any, goal: dict[str, Any] | None = None, hours: dict[str, Any] | None = None) -> Rulebook:
    """One clock for the answer with that ladder, and one for the acknowledgement that is always met."""
    office = {**OFFICE, "weekly_hours": hours} if hours else OFFICE
    ladder = policy({"goal": goal or {"business": "PT8H"}, "rungs": list(rungs)})
    ladder["clocks"] = [{**POLICY["clocks"][0], "rungs": []}, ladder["clocks"][1]]
    return parse_rulebook({"calendar": [office], "policy": [ladder]}, around=DAY)


def climbed(rulebook: Rulebook, moment: str = "Mon 10:00", until: str = "Mon+14 00:00") -> list[tuple[str, Any]]:
    """Every rung with the moment at which it fired, as timers see it."""
    life = opened(rulebook, moment)
    life.hears(moment, accepted(moment))
    fired: list[tuple[str, Any]] = []
    while life.state and life.state.due_at and life.state.due_at <= at(until):
        now = life.state.due_at
        name = now.strftime("%a ") + now.strftime("%H:%M")
        weeks = (now - at("Mon 00:00")).days // 7
        label = f"{name[:3]}+{7 * weeks} {name[4:]}" if weeks else name
        events_published = life._decide(_tick(now), now)
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
def test_a_rung_stands_where_its_form_says(rung: Any, expected: list[tuple[str, str]]) -> None:
    assert climbed(with_ladder(rung)) == expected


def test_a_whole_ladder_is_climbed_step_by_step() -> None:
    ladder = with_ladder(50, 75, {"before": "PT30M"}, {"after": "PT4H", "every": "PT8H", "at_most": 2})
    assert [rung for rung, _ in climbed(ladder)] == ["50%", "75%", "-PT30M", "+PT4H", "+PT4H#2"]


def test_half_an_hour_before_monday_half_past_nine_is_monday_at_nine_and_not_friday_evening() -> None:
    """A warning as people leave tells nobody who could still act on it."""
    ladder = with_ladder({"before": "PT30M"}, goal={"business": "PT30M"})
    assert climbed(ladder, "Fri 17:00")[0] == ("-PT30M", "Mon+7 09:00")


def test_each_rung_fires_once_in_each_cycle() -> None:
    life = opened(with_ladder(50, {"after": "PT1H"}))
    life.hears("Mon 10:00", accepted("Mon 10:00"))
    life.passes_until("Tue 12:00")
    life.hears("Tue 12:00", resolved("Tue 12:00"))
    life.hears("Tue 13:00", REOPENED)
    life.passes_until("Fri 12:00")
    facts = [(fact.cycle, fact.rung) for fact in life.published if isinstance(fact, ClockWarned | ClockEscalated)]
    assert facts == [(1, "50%"), (1, "+PT1H"), (2, "50%"), (2, "+PT1H")]


def test_a_rung_does_not_fire_again_when_a_pause_moves_it_into_the_future() -> None:
    life = opened(with_ladder(50))
    life.hears("Mon 10:00", accepted("Mon 10:00"))
    life.passes_until("Mon 14:30")
    life.hears("Mon 14:30", AWAITING)
    life.hears("Wed 14:30", CUSTOMER)
    life.passes_until("Fri 17:00")
    assert [fact.rung for fact in life.published if isinstance(fact, ClockWarned)] == ["50%"]


@pytest.mark.parametrize(
    ("rung", "to"), [(50, "handler"), ({"after": "PT1H"}, "lead"), ({"after": "PT1H", "to": "head"}, "head")]
)
def test_a_rung_names_who_should_act(rung: Any, to: str) -> None:
    life = opened(with_ladder(rung))
    life.passes_until("Wed 12:00")
    [fact] = [each for each in life.published if isinstance(each, ClockWarned | ClockEscalated)]
    assert fact.to == to


def test_escalations_missed_together_are_said_as_the_last_of_them() -> None:
    life = opened(with_ladder({"after": "PT1H", "every": "PT1H", "at_most": 4}))
    life.hears("Mon 10:00", accepted("Mon 10:00"))
    published = life.ticks("Tue 12:30")
    published += life.ticks("Tue 12:30")
    assert [fact.rung for fact in published if isinstance(fact, ClockEscalated)] == ["+PT1H#2"]
    assert [fact.rung for fact in life.passes_until("Wed 17:00") if isinstance(fact, ClockEscalated)] == [
        "+PT1H#3",
        "+PT1H#4",
    ]


def test_an_escalation_tells_how_late_it_is() -> None:
    life = opened(with_ladder({"after": "PT8H"}))
    life.passes_until("Wed 10:00")
    [fact] = [element for element in life.published if isinstance(element, ClockEscalated)]
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
    fired = climbed(with_ladder(rung), "Thu 10:00")
    assert fired
    for _, label in fired:
        day, clock = label.split()
        assert day[:3] in ("Mon", "Tue", "Wed", "Thu", "Fri")
        assert "09:00" <= clock < "17:00"


def test_an_escalation_on_a_calendar_of_several_segments_is_never_at_midnight() -> None:
    """GLPI 22678: escalated at 00:00 instead of 10:00 where a day had several segments."""
    ladder = with_ladder(
        {"after": "PT7H", "every": "PT7H", "at_most": 3, "open_hours": True}, hours=LUNCH, goal={"business": "PT7H"}
    )
    assert climbed(ladder, "Mon 09:00") == [("+PT7H", "Wed 10:00"), ("+PT7H#2", "Thu 10:00"), ("+PT7H#3", "Fri 10:00")]


def test_a_lunch_break_is_not_counted() -> None:
    """Frappe 2212: no way to leave out lunch hours."""
    life = opened(with_ladder(50, hours=LUNCH), "Mon 10:00")
    assert life.clock().due_at == at("Tue 11:00"), "three hours, lunch, four hours, and one more on Tuesday"
    assert life.clock().steps[0].at == at("Mon 15:00"), "half of them: three before lunch and one after it"


def test_a_pause_over_lunch_gives_back_only_the_working_hours() -> None:
    life = opened(with_ladder(50, hours=LUNCH), "Mon 10:00")
    life.hears("Mon 12:00", AWAITING)
    life.hears("Mon 15:00", CUSTOMER)
    assert life.clock().due_at == at("Tue 13:00"), "two hours of three: nobody works over lunch"


def test_a_ticket_on_hold_for_half_a_year_is_not_late_by_months_when_resolved_straight_from_it() -> None:
    """Frappe 3776: on hold from February to August, then 42 days of resolution time."""
    life = opened(with_ladder(50, 90))
    life.hears("Mon 10:00", accepted("Mon 10:00"))
    life.hears("Mon 11:00", AWAITING)
    assert life.passes_until("Mon+182 12:00") == []
    life.hears("Mon+182 12:00", resolved("Mon+182 12:00"))
    assert not life.clock().breached
    assert life.state is not None
    assert life.state.spent_seconds == 3600, "one hour of work, whatever the calendar says"


def test_a_pause_is_counted_in_opening_time_and_not_in_nights() -> None:
    """ERPNext 47884 and 49414: hold time by the wall gave nights back twice."""
    life = opened(with_ladder())
    life.hears("Mon 16:00", AWAITING)
    life.hears("Tue 10:00", CUSTOMER)
    assert life.clock().due_at == at("Tue 12:00"), "two hours, not eighteen"


def test_a_pause_survives_a_change_of_policy() -> None:
    """GLPI 6902 and 15605: pending time was lost when the priority changed."""
    two = parse_rulebook(
        {
            "calendar": [OFFICE],
            "policy": [policy({"goal": {"business": "PT6H"}}, id="fast", when={"severity": ["high"]}), POLICY],
        },
        around=DAY,
    )
    life = opened(two)
    life.hears("Mon 11:00", AWAITING)
    life.hears("Mon 13:00", CUSTOMER)
    assert life.clock().due_at == at("Tue 12:00")
    life.hears("Mon 14:00", triaged("high"))
    assert life.clock().due_at == at("Tue 10:00"), "six hours from Monday 10:00 and the two that were paused"


def test_a_comment_does_not_restart_the_escalation() -> None:
    """DIGIT measured from the last modification, so any comment began anew."""
    life = opened(with_ladder({"after": "PT1H"}))
    life.hears("Mon 12:00", CUSTOMER)
    life.passes_until("Tue 12:00")
    assert [fact.due_at for fact in life.published if isinstance(fact, ClockEscalated)] == [at("Tue 10:00")]


def test_a_storm_at_the_breach_is_one_message() -> None:
    """GLPI 2408: hundreds of mails at the moment of the breach."""
    life = opened(with_ladder(50, 75, 90, {"after": "PT8H", "every": "PT8H", "at_most": 3}))
    life.hears("Mon 10:00", accepted("Mon 10:00"))
    published_facts = life.ticks("Tue 10:30") + life.ticks("Tue 10:31") + life.ticks("Tue 10:32")
    assert [type(fact) for fact in published_facts if "Clock" in type(fact).__name__] == [ClockBreached]


def test_a_complaint_in_another_zone_is_not_failed_when_it_is_new() -> None:
    """Frappe 3776: a new ticket showed Failed, because times were naive."""
    tokyo = {**OFFICE, "tz": "Asia/Tokyo"}
    rules = parse_rulebook({"calendar": [tokyo], "policy": [POLICY]}, around=DAY)
    life = Life(rules)
    life.hears("Mon 01:00", received("Mon 01:00"))
    life.hears("Mon 01:00", triaged())
    life.ticks("Mon 01:01")
    assert not life.clock().breached
    assert life.clock().due_at == at("Tue 01:00"), "from 10:00 to 17:00 in Tokyo, and one hour on Tuesday"


def test_of_rungs_put_off_to_one_opening_the_highest_is_said_in_whatever_order_they_are_written() -> None:
    low, high = (
        {"after": after, "counted": "wall", "open_hours": True, "to": to}
        for after, to in (("PT1H", "lead"), ("PT4H", "head"))
    )
    for ladder in ((low, high), (high, low)):
        fired = climbed(with_ladder(*ladder, goal={"business": "PT7H"}))
        assert [rung for rung, _ in fired if rung.startswith("+")] == ["+PT4H"]


def test_a_warning_is_not_put_off_beyond_the_due_time() -> None:
    rung = {"before": "PT1H", "counted": "wall", "open_hours": True}
    fired = climbed(with_ladder(rung, goal={"wall": "PT122H"}))  # due on Saturday at noon
    assert ("-PT1H", "Sat 11:00") in fired
