import re
from datetime import UTC, date, time, timedelta
from pathlib import Path
from typing import Any

import pytest

from services.sla.calendar.document import read_section
from services.sla.policies import MatchFacts, load_rulebook, parse_rulebook, read_file
from services.sla.policies.deadlines import GoalClock
from shared.errors import Misconfigured, Rejected
from tests.unit.sla.complaint_builder import OFFICE, POLICY, at, policy, rulebook_with

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
def test_the_first_policy_that_matches_applies(complaint: dict[str, Any], expected: str) -> None:
    assert STANDARD.match(MatchFacts(**complaint), NOON).policy == expected


def test_a_category_covers_all_categories_below_it_and_no_others() -> None:
    rules = rulebook_with(policy(id="money", when={"category": ["billing/refund"]}))
    for category, expected in (
        (("billing", "refund", "late"), "money"),
        (("billing", "refund"), "money"),
        (("billing", "refunds"), "plain"),
        (("billing",), "plain"),
    ):
        assert rules.match(MatchFacts(category=category), NOON).policy == expected


@pytest.mark.parametrize(
    ("when", "facts"),
    [
        ({"product": ["card"]}, {"product": "card"}),
        ({"client": ["shop"]}, {"client": "shop"}),
        ({"language": ["de", "fr"]}, {"language": "fr"}),
        ({"signal": ["vulnerable", "safety"]}, {"signals": ("abuse", "safety")}),
        ({"channel": ["web"], "severity": ["low"]}, {"channel": "web", "severity": "low"}),
    ],
)
def test_a_policy_matches_only_facts_of_the_events(when: dict[str, Any], facts: dict[str, Any]) -> None:
    rules = rulebook_with(policy(id="chosen", when=when))
    assert rules.match(MatchFacts(**facts), NOON).policy == "chosen"
    assert rules.match(MatchFacts(), NOON).policy == "plain", "what is not known yet meets only what asks nothing"


def test_the_newest_version_is_matched_and_older_versions_stay_available() -> None:
    newer = policy({"goal": {"business": "PT6H"}}, version=2)
    rules = rulebook_with(newer)
    terms = rules.match(MatchFacts(), NOON)
    assert (terms.policy, terms.policy_version) == ("plain", 2)
    assert rules.policy(("plain", 1)).rule("requester_wait").goal.text == "8 h of opening time"
    assert rules.policy(("plain", 9)).version == 2, "a version that is gone is answered for by the newest"


def test_critical_complaints_run_around_the_clock() -> None:
    terms = STANDARD.match(MatchFacts(severity="critical"), NOON)
    assert {charge.compiled.calendar.id for charge in STANDARD.clock_specs(terms)} == {"always"}


def test_a_clock_may_run_on_another_calendar_than_its_policy() -> None:
    nights = {**OFFICE, "id": "nights", "weekly_hours": {"mon": [["20:00", "24:00"]]}}
    rules = parse_rulebook({"calendar": [OFFICE, nights], "policy": [policy({"calendar": "nights"})]}, around=DAY)
    charges = rules.clock_specs(rules.match(MatchFacts(), NOON))
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
        ({"at": "2026-12-01T12:00:00Z"}, "the fixed date 01 December 2026 12:00 UTC"),
    ],
)
def test_the_text_of_a_goal_names_its_unit(goal: dict[str, Any], words: str) -> None:
    rules = rulebook_with(policy({"goal": goal}, id="x", when={"severity": ["low"]}))
    assert rules.policy(("x", 1)).rule("requester_wait").goal.text == words


@pytest.mark.parametrize("severity", ["low", "normal", "high", "critical"])
@pytest.mark.parametrize("channel", ["web", "letter"])
def test_the_owner_clock_is_due_before_all_but_the_acknowledgement(severity: str, channel: str) -> None:
    terms = STANDARD.match(MatchFacts(severity=severity, channel=channel), NOON)
    monday = int(NOON.timestamp())
    due = {
        spec.rule.kind: GoalClock(spec.rule.goal, spec.compiled, monday).due() for spec in STANDARD.clock_specs(terms)
    }
    assert "assignment" in due
    assert due["assignment"] <= min(at for kind, at in due.items() if kind not in ("assignment", "acknowledge"))


def goal(fields: dict[str, Any]) -> dict[str, Any]:
    return {"clocks": [{"kind": "requester_wait", "goal": fields}]}


def rungs(*steps: Any) -> dict[str, Any]:
    return {"clocks": [{"kind": "requester_wait", "goal": {"business": "PT8H"}, "rungs": list(steps)}]}


def rejected(**changed: Any) -> str:
    with pytest.raises(Rejected) as refusal:
        parse_rulebook({"calendar": [OFFICE], "policy": [{**POLICY, **changed}]}, around=DAY)
    return refusal.value.detail


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        (goal({"business": "P1D"}), "is in days"),  # 24 opening hours are three working days: the "1 Day" trap
        (goal({"wall": "P1W"}), "is in days"),
        (goal({"wall": "P1DT2H"}), "is in days"),
        (goal({"wall": 60}), "expected a duration"),
        (goal({"wall": "PT0S"}), "at least one second"),
        (goal({"wall": timedelta(milliseconds=500)}), "whole seconds"),
        (goal({"cutoff": "17:00Z", "business_days": 1}), "goal.cutoff: expected a local time .* such as '17:00'"),
        (goal({"cutoff": "17:00+02:00", "business_days": 1}), "such as '17:00', got '17:00.02:00'"),
        (goal({"cutoff": 17, "business_days": 1}), "such as '17:00', got 17"),
        (goal({"cutoff": 61_200, "business_days": 1}), "such as '17:00'"),
        (goal({"cutoff": "24:00", "business_days": 1}), "such as '17:00'"),
        (goal({"cutoff": time(17, tzinfo=UTC), "business_days": 1}), "such as '17:00'"),
        (goal({"days": 3}), "'days' is ambiguous; expected business_days or calendar_days"),
        (goal({}), "exactly one of wall, business, business_days"),
        (goal({"wall": "PT1H", "business": "PT1H"}), "exactly one of"),
        (goal({"wall": "PT1H", "cutoff": "17:00:00"}), "are accepted only with business_days"),
        (goal({"calendar_days": 0}), "calendar_days"),
        ({"calendar": "nights"}, "unknown calendar 'nights'; expected one of ..office.."),
        ({"when": {"mood": ["bad"]}}, "there is no such field; expected category, severity"),
        ({"when": {"severity": ["terrible"]}}, "when.severity"),
        ({"when": {"severity": ["high"]}}, "last policy: expected no 'when'"),
        ({"clocks": []}, "clocks"),
        ({"clocks": [{"kind": "patience", "goal": {"wall": "PT1H"}}]}, "kind"),
        ({"clocks": [POLICY["clocks"][1]] * 2}, "requester_wait is listed twice"),
        ({"clocks": [{"kind": "regulatory_final", "obligation": "regulatory", "goal": {"wall": "PT1H"}}]}, "promise"),
        (rungs(90, 90), "each place once"),
        (rungs(100), "rungs"),
        (rungs({"before": "PT1H", "after": "PT1H"}), "exactly one of percent, before, after"),
        (rungs({"before": "PT1H", "every": "PT1H"}), "only a step after the due time repeats"),
        (rungs({"after": "PT1H", "at_most": 3}), "only a step after the due time repeats"),
        (rungs({"after": "PT1H", "every": "PT1H", "at_most": 999}), "at_most"),
        ({"promise": {"buffer": "P2D"}}, "is in days"),
        ({"promise": {"clock": "stage2"}}, "expected one of the policy's clocks"),
        ({"silence_days": 0}, "silence_days"),
    ],
)
def test_an_invalid_policy_is_refused_with_the_reason(changed: dict[str, Any], reason: str) -> None:
    detail = rejected(**changed)
    assert "policy" in detail
    assert re.search(reason, detail), detail


NO_DURATIONS = (
    *("1 day", "3 days", "1d", "1d 01:00:00", "1 day, 0:00:00", "8:00", "08:00:00", "pt8h", "PT", "P", "", "PT8H "),
    *("PT0.5S", "PT1,5H", "PT-1H", "-PT1H", "PT1M1H", "+P1D", "-P1D", "P0001-00-00", "PT٨H", 28_800, 0.5, True, []),
)
TOO_LONG = ("PT1000000H", "PT87841H", "PT99999999999999H", "PT" + "9" * 5000 + "S", timedelta(days=3661))


def in_each_field(span: Any) -> list[dict[str, Any]]:
    """Return documents with this duration in each field that accepts one."""
    return [
        goal({"wall": span}),
        goal({"business": span}),
        rungs({"before": span}),
        rungs({"after": span}),
        rungs({"after": "PT1H", "every": span}),
        {"promise": {"buffer": span}},
    ]


@pytest.mark.parametrize("span", NO_DURATIONS, ids=repr)
def test_a_duration_has_only_hours_minutes_and_seconds(span: Any) -> None:
    """A library reads "1 day" as 24 hours, which are three days of an office, and "8:00" as minutes or as hours."""
    for changed in in_each_field(span):
        assert re.search("such as 'PT8H'|exactly one of|write after, every", rejected(**changed)), changed


@pytest.mark.parametrize("span", TOO_LONG, ids=lambda span: str(span)[:20])
def test_a_duration_of_more_than_ten_years_is_refused_with_its_field(span: Any) -> None:
    for changed in in_each_field(span):
        assert "expected at most ten years, PT87840H" in rejected(**changed)


def test_a_duration_may_be_written_in_seconds_and_a_cut_off_without_any() -> None:
    with_cutoff = goal({"business_days": 1, "cutoff": "17:00"})
    rules = rulebook_with(
        policy(goal({"wall": "PT1H30M5S"})["clocks"][0], id="x", when={"severity": ["low"]}, version=3)
    )
    assert rules.policy(("x", 3)).rule("requester_wait").goal.wall == timedelta(hours=1, minutes=30, seconds=5)
    rules = rulebook_with(policy(with_cutoff["clocks"][0], id="x", when={"severity": ["low"]}))
    assert rules.policy(("x", 1)).rule("requester_wait").goal.cutoff == time(17)


def asking(*whens: dict[str, Any]) -> tuple[dict[str, Any], ...]:
    return tuple(policy(id=f"p{number}", when=when) for number, when in enumerate(whens, 1))


@pytest.mark.parametrize(
    ("whens", "takers"),
    [
        (({"severity": ["low"]}, {"severity": ["low"]}), "'p1' comes before it and matches"),
        (
            ({"severity": ["low"]}, {"severity": ["normal"]}, {"severity": ["low", "normal"]}),
            "'p1' and 'p2' come before it",
        ),
        (
            (
                {"severity": ["low"]},
                {"severity": ["normal"], "channel": ["web"]},
                {"severity": ["normal", "low"], "channel": ["web"], "client": ["shop"]},
            ),
            "'p1' and 'p2' come before it and together match the same",
        ),
        (({"category": ["a"]}, {"category": ["b"]}, {"category": ["b/c", "a/d", "a"]}), "'p1' and 'p2'"),
        (({"signal": ["abuse"]}, {"signal": ["safety"]}, {"signal": ["abuse", "safety"]}), "'p1' and 'p2'"),
        (  # over two fields: no pair of them takes it all
            (
                {"severity": ["low"], "channel": ["web"]},
                {"severity": ["low"], "channel": ["chat"]},
                {"severity": ["normal"]},
                {"severity": ["low", "normal"], "channel": ["web", "chat"]},
            ),
            "'p1', 'p2' and 'p3' come before it",
        ),
    ],
)
def test_a_policy_that_earlier_policies_cover_is_refused(whens: tuple[dict[str, Any], ...], takers: str) -> None:
    with pytest.raises(Rejected, match=f"policy 'p{len(whens)}' can never match: {takers}"):
        rulebook_with(*asking(*whens))


@pytest.mark.parametrize(
    "whens",
    [
        ({"severity": ["low"]}, {"severity": ["low", "normal"]}),
        ({"severity": ["low"]}, {"severity": ["normal"], "channel": ["web"]}, {"severity": ["low", "normal"]}),
        ({"category": ["a/b"]}, {"category": ["a"]}),
        tuple({"severity": [level]} for level in ("low", "normal", "high", "critical")),  # not known yet is left over
        (
            {"severity": ["low"], "channel": ["web"]},
            {"severity": ["normal"], "channel": ["chat"]},
            {"severity": ["low", "normal"], "channel": ["web", "chat"]},
        ),
    ],
)
def test_a_policy_that_can_still_match_one_complaint_is_accepted(whens: tuple[dict[str, Any], ...]) -> None:
    assert rulebook_with(*asking(*whens))


def test_reachability_is_checked_quickly_for_long_lists_of_values() -> None:
    shops, cards = [[f"{name}{number}" for number in range(400)] for name in ("shop", "card")]
    wide = {"client": shops, "product": cards, "language": ["de", "fr"], "severity": ["low", "high"]}
    assert rulebook_with(
        *asking({"client": shops[:9], "product": cards[9:]}, {"client": shops[3:], "severity": ["low"]}, wide)
    )


def test_a_policy_after_an_unconditional_one_is_refused() -> None:
    with pytest.raises(Rejected, match="matches every complaint; expected it to be the last"):
        rulebook_with(policy(id="greedy"))


@pytest.mark.parametrize("section", ["calendar", "policy"])
def test_the_same_version_twice_is_refused(section: str) -> None:
    data = {"calendar": [OFFICE], "policy": [POLICY]}
    with pytest.raises(Rejected, match="a change is a new version"):
        parse_rulebook({**data, section: data[section] * 2}, around=DAY)


def test_an_empty_rulebook_or_an_unknown_section_is_refused() -> None:
    with pytest.raises(Rejected, match="last policy"):
        parse_rulebook({}, around=DAY)
    with pytest.raises(Rejected, match="unknown section 'policies'"):
        parse_rulebook({"policies": []}, around=DAY)


@pytest.mark.parametrize(
    ("text", "reason"), [("[[policy]", "is not TOML"), ("[other]", "mine.toml: unknown section"), (None, "cannot read")]
)
def test_an_invalid_file_stops_the_process_with_its_name(tmp_path: Path, text: str | None, reason: str) -> None:
    file = tmp_path / "mine.toml"
    if text is not None:
        file.write_text(text)
    with pytest.raises(Misconfigured, match=reason):
        load_rulebook(file, around=DAY)


@pytest.mark.parametrize("section", ["calendar", "policy", "pack"])
@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ({"id": "a"}, r"got a single entry; write \[\[%s\]\] with two brackets"),
        (3, r"expected a list of entries, in TOML \[\[%s\]\], .*, got 3"),
        (None, "%s: expected a list of entries, .*, got null"),
        ("office", '%s: expected a list of entries, .*, got "office"'),
        (False, "%s: expected a list of entries, .*, got false"),
        ([{"id": "a"}, "office"], '%s: expected .*got "office" as number 2'),
        ([[]], "%s: expected .*as number 1"),
    ],
)
def test_a_section_that_is_no_list_of_entries_is_refused_with_an_example(section: str, value: Any, reason: str) -> None:
    with pytest.raises(Rejected, match=reason.replace("%s", section)):
        read_section({section: value}, section)
    with pytest.raises(Rejected):
        parse_rulebook({"policy": [POLICY], "calendar": [OFFICE], section: value}, around=DAY)


@pytest.mark.parametrize("document", [[], "office", None, 3])
def test_a_document_that_is_no_object_is_refused_with_an_example(document: Any) -> None:
    with pytest.raises(Rejected, match="expected an object such as"):
        parse_rulebook(document, around=DAY)


@pytest.mark.parametrize("text", ["[calendar]", "calendar = 3", 'policy = ["x"]', "[policy]"])
def test_packs_are_added_only_to_a_file_with_valid_sections(tmp_path: Path, text: str) -> None:
    file = tmp_path / "single.toml"
    file.write_text(text)
    with pytest.raises(Misconfigured, match=r"policies: single.toml: (calendar|policy): expected a list of entries"):
        read_file(file, ("uk-disp",))


def test_the_shipped_rulebook_promises_a_date_after_the_internal_target() -> None:
    assert all(entry.promise.buffer for entry in STANDARD.current.policies)


def test_the_shipped_escalation_steps_are_within_opening_hours() -> None:
    """Reminders at midnight and on weekends are what people switch first off."""
    ladders = [
        rung
        for entry in STANDARD.current.policies
        if entry.calendar == "office"
        for c in entry.clocks
        for rung in c.rungs
    ]
    assert ladders
    assert all(rung.open_hours for rung in ladders if rung.after)
