import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from services.sla.policies import load_rulebook, rulebook_from
from shared.errors import Misconfigured, Rejected
from tests.unit.sla.lives import OFFICE, POLICY, book

DAY = date(2026, 11, 1)
STANDARD = load_rulebook(None, around=DAY)


@pytest.mark.parametrize(
    ("complaint", "policy"),
    [
        ({"severity": "critical", "channel": "letter"}, "critical"),
        ({"severity": "high"}, "urgent"),
        ({"severity": "normal", "channel": "letter"}, "paper"),
        ({"severity": "low", "channel": "web"}, "everyday"),
        ({"channel": "branch"}, "paper"),  # what is not known yet meets only what asks nothing
        ({}, "everyday"),
    ],
)
def test_the_first_policy_that_fits_counts(complaint: dict[str, Any], policy: str) -> None:
    assert STANDARD.match(**complaint).id == policy


def test_a_category_covers_everything_below_it_and_nothing_beside_it() -> None:
    rules = book({**POLICY, "id": "money", "when": {"category": ["billing/refund"]}})
    assert rules.match(category=("billing", "refund", "late")).id == "money"
    assert rules.match(category=("billing", "refunds")).id == "plain"
    assert rules.match(category=("billing",)).id == "plain"


def test_the_newest_version_is_matched_and_older_ones_still_answer() -> None:
    newer = {**POLICY, "version": 2, "acknowledge": {"wall": "PT2H"}}
    rules = book(newer)
    assert rules.match().version == 2
    assert rules.policy(("plain", 1)).acknowledge.words == "1 h"
    assert rules.policy(("plain", 9)).version == 2, "a version that is gone is answered for by the newest"


def test_critical_complaints_run_around_the_clock() -> None:
    assert STANDARD.match(severity="critical").calendar == "always"


@pytest.mark.parametrize(
    ("goal", "words"),
    [
        ({"wall": "PT90M"}, "1 h 30 min"),
        ({"business": "PT8H"}, "8 h of opening time"),
        ({"business_days": 1}, "1 business day"),
        ({"business_days": 3, "cutoff": "17:00:00"}, "3 business days"),
    ],
)
def test_a_goal_says_itself_in_its_own_unit(goal: dict[str, Any], words: str) -> None:
    assert (
        book({**POLICY, "id": "x", "total_resolution": goal, "when": {"severity": ["low"]}})
        .match(severity="low")
        .total_resolution.words
        == words
    )


def rejected(**changed: Any) -> str:
    with pytest.raises(Rejected) as refusal:
        rulebook_from({"calendar": [OFFICE], "policy": [{**POLICY, **changed}]}, around=DAY)
    return refusal.value.detail


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"acknowledge": {"business": "P1D"}}, "counts in days"),
        ({"acknowledge": {"wall": "P1W"}}, "counts in days"),
        ({"acknowledge": {"wall": 60}}, "expected a duration"),
        ({"acknowledge": {"wall": "PT0S"}}, "more than no time"),
        ({"acknowledge": {"days": 3}}, "acknowledge"),
        ({"acknowledge": {}}, "exactly one of wall, business, business_days"),
        ({"acknowledge": {"wall": "PT1H", "business": "PT1H"}}, "exactly one of"),
        ({"acknowledge": {"wall": "PT1H", "cutoff": "17:00:00"}}, "cutoff only has a meaning"),
        ({"calendar": "nights"}, "unknown calendar 'nights'; expected one of ..office.."),
        ({"when": {"mood": ["bad"]}}, "when.mood"),
        ({"when": {"severity": ["terrible"]}}, "when.severity"),
        ({"when": {"severity": ["high"]}}, "last policy must have no 'when'"),
        ({"warn_percent": [90, 50]}, "rising percentages"),
        ({"warn_percent": [100]}, "warn_percent"),
        ({"promise_buffer": "P2D"}, "counts in days"),
    ],
)
def test_a_policy_that_makes_no_sense_is_refused_with_the_reason(changed: dict[str, Any], reason: str) -> None:
    detail = rejected(**changed)
    assert "policy" in detail
    assert re.search(reason, detail), detail


def test_a_policy_behind_one_that_asks_nothing_is_refused() -> None:
    with pytest.raises(Rejected, match="those after it match nothing"):
        book({**POLICY, "id": "greedy"})


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
    assert all(policy.promise_buffer for policy in STANDARD.policies)
