"""What a draft changes, as data and in sentences."""

from copy import deepcopy

from services.sla.policies.diff import FieldChange, changes
from tests.unit.sla.lives import OFFICE, POLICY
from tests.unit.sla.published import PLAIN, Data, closed_on, published, with_goal

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


def said(before: Data, after: Data) -> list[tuple[str, ...]]:
    old = published((before, "new_only"))
    return [one.sentences for one in changes(old, published((before, "new_only"), (after, "new_only"), known=old))]


def test_nothing_changes_between_a_document_and_itself() -> None:
    assert said(PLAIN, deepcopy(PLAIN)) == []


def test_a_late_holiday_is_one_field_of_one_calendar() -> None:
    old = published()
    (one,) = changes(old, published((closed_on("2026-11-03"), "rebase_open")))
    assert (one.what, one.how, one.id, one.old_version, one.new_version) == ("calendar", "changed", "office", 1, 2)
    assert one.fields == (FieldChange("holidays.2026-11-03.name", None, "storm"),)
    assert one.sentences[0] == "Calendar 'office' goes from version 1 to 2."


def test_another_goal_names_the_clock_by_its_kind() -> None:
    (sentences,) = said(PLAIN, with_goal({"business_days": 3}))
    assert sentences == (
        "Policy 'plain' goes from version 1 to 2.",
        "clocks.requester_wait.goal.business is gone; it was PT8H.",
        "clocks.requester_wait.goal.business_days is new: 3.",
    )


def test_rungs_stand_side_by_side_as_they_are_written() -> None:
    (sentences,) = said(PLAIN, with_goal({"business": "PT8H"}, rungs=[50, {"after": "PT4H"}]))
    assert "becomes" in sentences[1]
    assert '"after": "PT4H"' in sentences[1]


def test_what_is_new_what_is_gone_and_what_is_asked_in_another_order() -> None:
    urgent, paper = (
        {**POLICY, "id": name, "when": {"severity": [level]}} for name, level in (("urgent", "high"), ("paper", "low"))
    )
    before = {"calendar": [OFFICE], "policy": [urgent, paper, POLICY]}
    after = {"calendar": [OFFICE, {**OFFICE, "id": "shop"}], "policy": [paper, urgent, POLICY], "pack": [PACK]}
    assert said(before, after) == [
        ("Calendar 'shop' version 1 is new.",),
        ("Pack 'testland' version 1 is new.",),
        ("Policies are asked in another order: paper, urgent, plain instead of urgent, paper, plain.",),
    ]
    assert said(after, {**before, "policy": [urgent, POLICY]})[1] == (
        "Policy 'paper' version 1 is no longer current; what came under it keeps it.",
    )


def test_a_long_value_is_cut_in_a_sentence_and_whole_in_the_data() -> None:
    name = "x" * 500
    old, new = published(), published(({**PLAIN, "policy": [{**POLICY, "version": 2, "name": name}]}, "new_only"))
    (one,) = changes(old, new)
    assert one.fields == (FieldChange("name", None, name),)
    assert len(one.sentences[1]) < 200


def test_opening_hours_are_told_as_people_write_them() -> None:
    later = {**OFFICE, "version": 2, "weekly_hours": {**OFFICE["weekly_hours"], "mon": [["10:00", "17:00"]]}}
    (sentences,) = said(PLAIN, {**PLAIN, "calendar": [OFFICE, later]})
    assert sentences[1] == "weekly_hours.mon: 09:00-17:00 becomes 10:00-17:00."
