"""Changes between two rulebooks, as data and as sentences."""

from copy import deepcopy

from services.sla.policies.diff import FieldChange, compare_rulebooks
from tests.unit.sla.complaint_builder import OFFICE, POLICY
from tests.unit.sla.rulebook_revisions import PLAIN, Data, closed_on, published, with_goal

PACK = {
    "id": "testland",
    "version": 1,
    "name": "Test rules",
    "jurisdiction": "XX",
    "sources": [{"title": "The act"}],
    "effective_from": "2020-01-01",
    "calendar": "office",
    "clocks": [{"kind": "regulatory_final", "goal": {"calendar_weeks": 8}}],
    "golden": [
        {"clock": "regulatory_final", "start": "2026-11-02T10:00:00Z", "due": "2026-12-29T00:00:00Z", "why": "x"}
    ],
}


def sentences_of(before: Data, after: Data) -> list[tuple[str, ...]]:
    old = published((before, "new_only"))
    return [
        change.sentences
        for change in compare_rulebooks(old, published((before, "new_only"), (after, "new_only"), previous=old))
    ]


def test_nothing_changes_between_a_document_and_itself() -> None:
    assert sentences_of(PLAIN, deepcopy(PLAIN)) == []


def test_a_new_holiday_is_a_change_of_one_field_of_one_calendar() -> None:
    old = published()
    (change,) = compare_rulebooks(old, published((closed_on("2026-11-03"), "rebase_open")))
    assert (change.what, change.how, change.id, change.old_version, change.new_version) == (
        "calendar",
        "changed",
        "office",
        1,
        2,
    )
    assert change.fields == (FieldChange("holidays.2026-11-03.name", None, "storm"),)
    assert change.sentences[0] == "Calendar 'office' changes from version 1 to 2."


def test_a_changed_goal_is_named_by_the_kind_of_its_clock() -> None:
    (sentences,) = sentences_of(PLAIN, with_goal({"business_days": 3}))
    assert sentences == (
        "Policy 'plain' changes from version 1 to 2.",
        "clocks.requester_wait.goal.business is removed; it was PT8H.",
        "clocks.requester_wait.goal.business_days is new: 3.",
    )


def test_escalation_steps_are_compared_as_a_whole() -> None:
    (sentences,) = sentences_of(PLAIN, with_goal({"business": "PT8H"}, rungs=[50, {"after": "PT4H"}]))
    assert "changes from" in sentences[1]
    assert '"after": "PT4H"' in sentences[1]


def test_new_and_removed_entries_and_another_order_are_changes() -> None:
    urgent, paper = (
        {**POLICY, "id": name, "when": {"severity": [level]}} for name, level in (("urgent", "high"), ("paper", "low"))
    )
    before = {"calendar": [OFFICE], "policy": [urgent, paper, POLICY]}
    after = {"calendar": [OFFICE, {**OFFICE, "id": "shop"}], "policy": [paper, urgent, POLICY], "pack": [PACK]}
    assert sentences_of(before, after) == [
        ("Calendar 'shop' version 1 is new.",),
        ("Pack 'testland' version 1 is new.",),
        ("The order of the policies changes: paper, urgent, plain instead of urgent, paper, plain.",),
    ]
    assert sentences_of(after, {**before, "policy": [urgent, POLICY]})[1] == (
        "Policy 'paper' version 1 is no longer current; complaints that it applies to keep it.",
    )


def test_a_long_value_is_cut_in_a_sentence_and_whole_in_the_data() -> None:
    name = "x" * 500
    old, new = published(), published(({**PLAIN, "policy": [{**POLICY, "version": 2, "name": name}]}, "new_only"))
    (change,) = compare_rulebooks(old, new)
    assert change.fields == (FieldChange("name", None, name),)
    assert len(change.sentences[1]) < 200


def test_opening_hours_are_formatted_as_in_a_document() -> None:
    later = {**OFFICE, "version": 2, "weekly_hours": {**OFFICE["weekly_hours"], "mon": [["10:00", "17:00"]]}}
    (sentences,) = sentences_of(PLAIN, {**PLAIN, "calendar": [OFFICE, later]})
    assert sentences[1] == "weekly_hours.mon changes from 09:00-17:00 to 10:00-17:00."
