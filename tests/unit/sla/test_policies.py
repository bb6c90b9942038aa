import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from services.sla.domain.goals import Course
from services.sla.policies import Asked, load_rulebook, rulebook_from
from shared.errors import Misconfigured, Rejected
from tests.unit.sla.lives import OFFICE, POLICY, at, book, policy

DAY = date(2026, 11, 1)
NOON = at("Mon 12:00")
STANDARD = load_rulebook(None, around=DAY)


@pytest.mark.parametrize(
    ("complaint", "expected"),
    [
        ({"severity": "critical", "channel": "letter"}, "critical"),
        ({"severity": "high"}, "urgent"),
        ({"severity": "normal", "channel": "letter"}, "paper"),
        ({"severity": "low", "channel": "web"}, "everyday"),
        ({"channel": "branch"}, "paper"),  # what is not known yet meets only what asks nothing
        ({}, "everyday"),
    ],
)
def test_the_first_policy_that_fits_counts(complaint: dict[str, Any], expected: str) -> None:
    assert STANDARD.match(Asked(**complaint), NOON).policy == expected


def test_a_category_covers_everything_below_it_and_nothing_beside_it() -> None:
    rules = book(policy(id="money", when={"category": ["billing/refund"]}))
    for category, expected in (
        (("billing", "refund", "late"), "money"),
        (("billing", "refund"), "money"),
        (("billing", "refunds"), "plain"),
        (("billing",), "plain"),
    ):
        assert rules.match(Asked(category=category), NOON).policy == expected


@pytest.mark.parametrize(
    ("when", "asked"),
    [
        ({"product": ["card"]}, {"product": "card"}),
        ({"client": ["shop"]}, {"client": "shop"}),
        ({"language": ["de", "fr"]}, {"language": "fr"}),
        ({"signal": ["vulnerable", "safety"]}, {"signals": ("abuse", "safety")}),
        ({"channel": ["web"], "severity": ["low"]}, {"channel": "web", "severity": "low"}),
    ],
)
def test_a_policy_asks_what_is_in_the_events_and_nothing_else(when: dict[str, Any], asked: dict[str, Any]) -> None:
    rules = book(policy(id="chosen", when=when))
    assert rules.match(Asked(**asked), NOON).policy == "chosen"
    assert rules.match(Asked(), NOON).policy == "plain", "what is not known yet meets only what asks nothing"


def test_the_newest_version_is_matched_and_older_ones_still_answer() -> None:
    newer = policy({"goal": {"business": "PT6H"}}, version=2)
    rules = book(newer)
    terms = rules.match(Asked(), NOON)
    assert (terms.policy, terms.policy_version) == ("plain", 2)
    assert rules.policy(("plain", 1)).rule("requester_wait").goal.words == "8 h of opening time"
    assert rules.policy(("plain", 9)).version == 2, "a version that is gone is answered for by the newest"


def test_critical_complaints_run_around_the_clock() -> None:
    terms = STANDARD.match(Asked(severity="critical"), NOON)
    assert {charge.compiled.calendar.id for charge in STANDARD.charges(terms)} == {"always"}


def test_a_clock_may_run_on_another_calendar_than_its_policy() -> None:
    nights = {**OFFICE, "id": "nights", "weekly_hours": {"mon": [["20:00", "24:00"]]}}
    rules = rulebook_from({"calendar": [OFFICE, nights], "policy": [policy({"calendar": "nights"})]}, around=DAY)
    charges = rules.charges(rules.match(Asked(), NOON))
    assert [charge.compiled.calendar.id for charge in charges] == ["office", "nights"]


@pytest.mark.parametrize(
    ("goal", "words"),
    [
        ({"wall": "PT90M"}, "1 h 30 min"),
        ({"business": "PT8H"}, "8 h of opening time"),
        ({"business_days": 1}, "1 business day"),
        ({"business_days": 3, "cutoff": "17:00:00"}, "3 business days"),
        ({"calendar_weeks": 8}, "8 calendar weeks"),
        ({"calendar_months": 1}, "1 calendar month"),
        ({"at": "2026-12-01T12:00:00Z"}, "the date that is fixed for it, 01 December 2026 12:00 UTC"),
    ],
)
def test_a_goal_says_itself_in_its_own_unit(goal: dict[str, Any], words: str) -> None:
    rules = book(policy({"goal": goal}, id="x", when={"severity": ["low"]}))
    assert rules.policy(("x", 1)).rule("requester_wait").goal.words == words


@pytest.mark.parametrize("severity", ["low", "normal", "high", "critical"])
@pytest.mark.parametrize("channel", ["web", "letter"])
def test_finding_an_owner_is_the_first_thing_that_escalates(severity: str, channel: str) -> None:
    """Unassigned comes first: no clock but the acknowledgement is due before the one for an owner."""
    terms = STANDARD.match(Asked(severity=severity, channel=channel), NOON)
    monday = int(NOON.timestamp())
    due = {one.rule.kind: Course(one.rule.goal, one.compiled, monday).due() for one in STANDARD.charges(terms)}
    assert "assignment" in due
    assert due["assignment"] <= min(at for kind, at in due.items() if kind not in ("assignment", "acknowledge"))


def goal(given: dict[str, Any]) -> dict[str, Any]:
    return {"clocks": [{"kind": "requester_wait", "goal": given}]}


def rungs(*given: Any) -> dict[str, Any]:
    return {"clocks": [{"kind": "requester_wait", "goal": {"business": "PT8H"}, "rungs": list(given)}]}


def rejected(**changed: Any) -> str:
    with pytest.raises(Rejected) as refusal:
        rulebook_from({"calendar": [OFFICE], "policy": [{**POLICY, **changed}]}, around=DAY)
    return refusal.value.detail


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        (goal({"business": "P1D"}), "counts in days"),  # 24 opening hours are three working days: the "1 Day" trap
        (goal({"wall": "P1W"}), "counts in days"),
        (goal({"wall": "P1DT2H"}), "counts in days"),
        (goal({"wall": 60}), "expected a duration"),
        (goal({"wall": "PT0S"}), "more than no time"),
        (goal({"days": 3}), "'days' does not say which; write business_days or calendar_days"),
        (goal({}), "exactly one of wall, business, business_days"),
        (goal({"wall": "PT1H", "business": "PT1H"}), "exactly one of"),
        (goal({"wall": "PT1H", "cutoff": "17:00:00"}), "only have a meaning with business_days"),
        (goal({"calendar_days": 0}), "calendar_days"),
        ({"calendar": "nights"}, "unknown calendar 'nights'; expected one of ..office.."),
        ({"when": {"mood": ["bad"]}}, "there is no such field; expected category, severity"),
        ({"when": {"severity": ["terrible"]}}, "when.severity"),
        ({"when": {"severity": ["high"]}}, "last policy must have no 'when'"),
        ({"clocks": []}, "clocks"),
        ({"clocks": [{"kind": "patience", "goal": {"wall": "PT1H"}}]}, "kind"),
        ({"clocks": [POLICY["clocks"][1]] * 2}, "requester_wait is listed twice"),
        ({"clocks": [{"kind": "regulatory_final", "obligation": "regulatory", "goal": {"wall": "PT1H"}}]}, "promise"),
        (rungs(90, 90), "each place once"),
        (rungs(100), "rungs"),
        (rungs({"before": "PT1H", "after": "PT1H"}), "exactly one of percent, before, after"),
        (rungs({"before": "PT1H", "every": "PT1H"}), "only a rung after the due time repeats"),
        (rungs({"after": "PT1H", "at_most": 3}), "only a rung after the due time repeats"),
        (rungs({"after": "PT1H", "every": "PT1H", "at_most": 999}), "at_most"),
        ({"promise": {"buffer": "P2D"}}, "counts in days"),
        ({"promise": {"clock": "stage2"}}, "expected one of the policy's clocks"),
        ({"silence_days": 0}, "silence_days"),
    ],
)
def test_a_policy_that_makes_no_sense_is_refused_with_the_reason(changed: dict[str, Any], reason: str) -> None:
    detail = rejected(**changed)
    assert "policy" in detail
    assert re.search(reason, detail), detail


def test_a_policy_behind_one_that_asks_nothing_is_refused() -> None:
    with pytest.raises(Rejected, match="those after it match nothing"):
        book(policy(id="greedy"))


@pytest.mark.parametrize("section", ["calendar", "policy"])
def test_the_same_version_twice_is_refused(section: str) -> None:
    data = {"calendar": [OFFICE], "policy": [POLICY]}
    with pytest.raises(Rejected, match="a change is a new version"):
        rulebook_from({**data, section: data[section] * 2}, around=DAY)


def test_an_empty_rulebook_or_an_unknown_section_is_refused() -> None:
    with pytest.raises(Rejected, match="last policy"):
        rulebook_from({}, around=DAY)
    with pytest.raises(Rejected, match="unknown section 'policies'"):
        rulebook_from({"policies": []}, around=DAY)


@pytest.mark.parametrize(
    ("text", "reason"), [("[[policy]", "is not TOML"), ("[other]", "mine.toml: unknown section"), (None, "cannot read")]
)
def test_a_wrong_file_stops_the_process_and_is_named(tmp_path: Path, text: str | None, reason: str) -> None:
    file = tmp_path / "mine.toml"
    if text is not None:
        file.write_text(text)
    with pytest.raises(Misconfigured, match=reason):
        load_rulebook(file, around=DAY)


def test_the_shipped_rulebook_promises_later_than_it_aims() -> None:
    assert all(one.promise.buffer for one in STANDARD.current.policies)


def test_the_shipped_ladders_call_people_only_while_they_work() -> None:
    """Reminders at midnight and on weekends are what people switch first off."""
    ladders = [
        rung for one in STANDARD.current.policies if one.calendar == "office" for c in one.clocks for rung in c.rungs
    ]
    assert ladders
    assert all(rung.open_hours for rung in ladders if rung.after)
