"""The audit finds changed states and names the stored side and the rebuilt side."""

from datetime import date
from typing import Any

import pytest

from services.sla.audit.compare import compare_states
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
    """Return a complaint with an approved revision, marked at risk in an outage; warnings, a breach, escalations."""
    life = promised(CAPPED)
    life.asks("Mon 11:00", RevisePromise(COMPLAINT, actor="ann", promise=1, due_at=at("Fri 12:00"), reason="x"))
    life.asks("Mon 12:00", DecideExtension(COMPLAINT, actor="head", promise=1, approve=True))
    life.hears("Mon 12:05", accepted("Mon 12:05", "promise_moved", promise=2))
    life.passes_until("Fri 09:00")
    life.asks("Fri 10:00", MarkAtRisk(COMPLAINT, cause="lag", until=at("Fri 15:00")))
    return life


def with_pack() -> Life:
    """Return a complaint to a bank, on the day on which its holding letter was due."""
    life = promised(load_rulebook(None, around=date(2026, 11, 1), packs=["eu-psd2"]))
    life.passes_until("Mon+21 12:00")
    return life


def audited(
    life: Life, published: list[Fact] | None = None, *, complete: bool = True, **changes: Any
) -> list[Difference]:
    """Return the differences of a state with these changes from its facts and published events."""
    state = life.state
    assert state is not None
    changed = SlaState.model_validate_json(state.replace(**changes).model_dump_json(exclude_none=True))
    events = life.published if published is None else published
    return list(compare_states(changed, state, life.rulebook, events, complete=complete))


@pytest.mark.parametrize("life", [moved(), with_pack()], ids=["moved", "under a rule"])
def test_an_unchanged_state_has_no_differences(life: Life) -> None:
    assert audited(life) == []
    assert audited(life, [], complete=False) == [], "if the first events are deleted, a missing event proves nothing"


def test_a_silence_noticed_again_after_a_bounce_is_no_difference() -> None:
    life = promised(book(policy(id="quiet", when={"severity": ["normal"]}, silence_days=2)))
    life.passes_until("Wed 10:00")
    life.hears("Wed 10:05", accepted("Wed 10:05", "progress", message="note"))
    life.hears("Wed 10:10", bounced("note", hard=True))
    life.passes_until("Mon+7 10:00")
    assert sum(isinstance(fact, SilenceNoticed) for fact in life.published) == 2
    assert audited(life) == []


def test_a_pack_removed_from_the_terms_is_found() -> None:
    life = with_pack()
    assert life.state is not None
    bare = tuple(applied._replace(terms=applied.terms._replace(packs=())) for applied in life.state.terms)
    assert [tuple(difference) for difference in audited(life, terms=bare[:1] + life.state.terms[1:])] == [
        (
            "terms of 2026-11-02T10:00:00+00:00",
            "receipt under policy everyday 1, packs none, revision 1 (rebase_open)",
            "receipt under policy everyday 1, packs eu-psd2 1, revision 1 (rebase_open)",
        )
    ]
    assert len(audited(life, terms=bare)) == 2


def test_a_promise_that_differs_from_its_event_is_found_with_the_right_sides() -> None:
    life = moved()
    assert life.state is not None
    first, second = life.state.promises
    [(what, stored, rebuilt)] = audited(life, promises=(first.replace(due_at=at("Wed 12:00")), second))
    assert (what, "11-04T12:00" in str(stored), "11-03T14:00" in str(rebuilt)) == ("promise 1", True, True)
    assert [item.what for item in audited(life, promises=(first, second.replace(reason="y")))] == ["promise 2"]
    assert [item.what for item in audited(life, promises=(first,))] == ["promise 2"]
    lost = first.replace(cycle=9)
    assert audited(life, promises=(lost, second)) == [Difference("promise 1", "of cycle 9", "no such cycle")]
    third = second.replace(number=3, due_at=at("Fri 16:00"))
    assert [item.what for item in audited(life, promises=(first, second, third))] == ["promise 3"]


def test_an_extension_without_a_request_or_without_a_moved_promise_is_found() -> None:
    life = moved()
    assert life.state is not None
    [request] = life.state.extensions
    other = request.replace(expected_at=at("Thu 12:00"))
    assert len(audited(life, extensions=())) == 1
    assert {item.stored for item in audited(life, extensions=(other,))} == {
        "never stored",
        "stored once",
        "approved by head",
    }


@pytest.mark.parametrize(
    ("kind", "what"),
    [
        (PromiseMade, "promise 1"),
        (ExtensionRequested, "extension of promise 1"),
        (PromiseAtRisk, "risk:2:lag"),
        (ClockWarned, "step "),
    ],
)
def test_what_is_stored_and_was_never_published_is_found(kind: type[Fact], what: str) -> None:
    life = moved()
    differences = audited(life, [fact for fact in life.published if not isinstance(fact, kind)])
    assert differences
    assert all(item.what.startswith(what) for item in differences)


def test_a_letter_on_one_side_only_is_found() -> None:
    life = with_pack()
    assert life.state is not None
    [difference] = audited(life, [fact for fact in life.published if not isinstance(fact, LetterDue)])
    assert difference == Difference("letter:eu-psd2:holding", "stored once", "never published")
    [difference] = audited(life, fired=tuple(mark for mark in life.state.fired if not mark.startswith("letter:")))
    assert difference == Difference("letter:eu-psd2:holding", "never stored", "published once")
