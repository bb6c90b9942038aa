"""What a check finds in an altered state, and which of the two sides it calls stored."""

from datetime import date
from typing import Any

import pytest

from services.sla.audit.compare import differences
from services.sla.audit.published import Difference
from services.sla.domain import DecideExtension, MarkAtRisk, RevisePromise, SlaState
from services.sla.policies import load_rulebook
from shared.contracts.envelope import Fact
from shared.contracts.events import (
    ClockWarned,
    ExtensionRequested,
    LetterDue,
    PromiseAtRisk,
    PromiseMade,
    SilenceNoticed,
)
from tests.unit.sla.lives import COMPLAINT, Life, accepted, at, book, bounced, policy, promised

CAPPED = book(
    policy(id="capped", when={"severity": ["normal"]}, promise={"buffer": "PT4H", "extension": {"business_days": 2}})
)


def moved() -> Life:
    """A promise that was moved with approval, and named while something was down; warnings, a breach, escalations."""
    life = promised(CAPPED)
    life.asks("Mon 11:00", RevisePromise(COMPLAINT, actor="ann", promise=1, due_at=at("Fri 12:00"), reason="x"))
    life.asks("Mon 12:00", DecideExtension(COMPLAINT, actor="head", promise=1, approve=True))
    life.hears("Mon 12:05", accepted("Mon 12:05", "promise_moved", promise=2))
    life.passes_until("Fri 09:00")
    life.asks("Fri 10:00", MarkAtRisk(COMPLAINT, cause="lag", until=at("Fri 15:00")))
    return life


def under_a_rule() -> Life:
    """A complaint to a bank, on the day on which its holding letter was due."""
    life = promised(load_rulebook(None, around=date(2026, 11, 1), packs=["eu-psd2"]))
    life.passes_until("Mon+21 12:00")
    return life


def found(life: Life, said: list[Fact] | None = None, *, whole: bool = True, **changes: Any) -> list[Difference]:
    """What a state with these changes has otherwise than the facts and what was said."""
    state = life.state
    assert state is not None
    spoilt = SlaState.model_validate_json(state.replace(**changes).model_dump_json(exclude_none=True))
    words = life.said if said is None else said
    return list(differences(spoilt, state, life.rulebook, words, whole=whole))


@pytest.mark.parametrize("life", [moved(), under_a_rule()], ids=["moved", "under a rule"])
def test_nothing_differs_where_all_is_well(life: Life) -> None:
    assert found(life) == []
    assert found(life, [], whole=False) == [], "where the first words are gone, silence proves nothing"


def test_a_silence_that_is_noticed_again_after_the_note_came_back_differs_in_nothing() -> None:
    life = promised(book(policy(id="quiet", when={"severity": ["normal"]}, silence_days=2)))
    life.passes_until("Wed 10:00")
    life.hears("Wed 10:05", accepted("Wed 10:05", "progress", message="note"))
    life.hears("Wed 10:10", bounced("note", hard=True))
    life.passes_until("Mon+7 10:00")
    assert sum(isinstance(one, SilenceNoticed) for one in life.said) == 2
    assert found(life) == []


def test_a_legal_clock_that_was_taken_out_of_the_terms_is_found() -> None:
    life = under_a_rule()
    assert life.state is not None
    bare = tuple(one._replace(terms=one.terms._replace(packs=())) for one in life.state.terms)
    assert [(one.what, one.stored, one.refolded) for one in found(life, terms=bare[:1] + life.state.terms[1:])] == [
        (
            "terms of 2026-11-02T10:00:00+00:00",
            "receipt under policy everyday 1, packs none, revision 1 (rebase_open)",
            "receipt under policy everyday 1, packs eu-psd2 1, revision 1 (rebase_open)",
        )
    ]
    assert len(found(life, terms=bare)) == 2


def test_a_date_that_is_stored_otherwise_than_it_was_told_is_found_and_the_sides_are_right() -> None:
    life = moved()
    assert life.state is not None
    first, second = life.state.promises
    [one] = found(life, promises=(first.replace(due_at=at("Wed 12:00")), second))
    assert (one.what, "11-04T12:00" in str(one.stored), "11-03T14:00" in str(one.refolded)) == ("promise 1", True, True)
    assert [one.what for one in found(life, promises=(first, second.replace(reason="y")))] == ["promise 2"]
    assert [one.what for one in found(life, promises=(first,))] == ["promise 2"]
    lost = first.replace(cycle=9)
    assert found(life, promises=(lost, second)) == [Difference("promise 1", "of cycle 9", "no such cycle")]
    third = second.replace(number=3, due_at=at("Fri 16:00"))
    assert [one.what for one in found(life, promises=(first, second, third))] == ["promise 3"]


def test_an_extension_that_nobody_asked_for_or_that_moved_nothing_is_found() -> None:
    life = moved()
    assert life.state is not None
    [asked] = life.state.extensions
    other = asked.replace(expected_at=at("Thu 12:00"))
    assert len(found(life, extensions=())) == 1
    assert {one.stored for one in found(life, extensions=(other,))} == {
        "never noted",
        "noted once",
        "approved by head",
    }


@pytest.mark.parametrize(
    ("kind", "what"),
    [
        (PromiseMade, "promise 1"),
        (ExtensionRequested, "extension of promise 1"),
        (PromiseAtRisk, "risk:2:lag"),
        (ClockWarned, "rung "),
    ],
)
def test_what_is_stored_and_was_never_said_is_found(kind: type[Fact], what: str) -> None:
    life = moved()
    wrong = found(life, [one for one in life.said if not isinstance(one, kind)])
    assert wrong
    assert all(one.what.startswith(what) for one in wrong)


def test_a_letter_that_is_noted_and_was_never_said_is_found_and_the_other_way_round() -> None:
    life = under_a_rule()
    assert life.state is not None
    [one] = found(life, [one for one in life.said if not isinstance(one, LetterDue)])
    assert one == Difference("letter:eu-psd2:holding", "noted once", "never said")
    [one] = found(life, fired=tuple(one for one in life.state.fired if not one.startswith("letter:")))
    assert one == Difference("letter:eu-psd2:holding", "never noted", "said once")
