"""Terms of a complaint: chosen by the day of receipt, and reproduced from the stored state."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from services.sla.domain import Recompute, SlaContext, SlaState, decide
from services.sla.domain.apply import expected_terms, match_facts
from services.sla.policies import load_rulebook
from shared.contracts.events import ComplaintReceived, Triaged
from tests.factories import complaint_id, event
from tests.unit.sla.complaint_builder import COMPLAINT, ComplaintBuilder, acknowledged_complaint, triaged
from tests.unit.sla.rulebook_revisions import closed_on, published, with_goal

BOOK = load_rulebook(None, around=date(2026, 11, 1), packs=["ie-cpc"])
TODAY = datetime(2026, 11, 27, 10, tzinfo=UTC)
MIDNIGHT = datetime(2026, 3, 24, tzinfo=UTC)  # in Dublin too


def packs(received_at: datetime, *, triaged_too: bool = True) -> list[tuple[str, ...]]:
    """The packs of each terms of a complaint that is recorded today."""
    subject, state = complaint_id(), None
    facts: list[Any] = [ComplaintReceived(reference="R", client="shop", channel="letter", received_at=received_at)]
    if triaged_too:
        facts.append(
            Triaged(category=("x",), severity="low", language="en", confidence=1, decided_by="r", decider_version="1")
        )
    for fact in facts:
        state = decide(state, event(fact, subject=subject, time=TODAY), SlaContext(TODAY, BOOK)).state
    assert state is not None
    assert state.terms == expected_terms(state, BOOK)
    return [tuple(name for name, _ in applied.terms.packs) for applied in state.terms]


@pytest.mark.parametrize(
    ("received_at", "pack"),
    [
        (datetime(2026, 3, 20, 12, tzinfo=UTC), "ie-cpc-2012"),
        (MIDNIGHT - timedelta(seconds=1), "ie-cpc-2012"),
        (MIDNIGHT, "ie-cpc"),
        (TODAY, "ie-cpc"),
        (TODAY + timedelta(days=9), "ie-cpc"),
    ],
)
def test_packs_apply_by_the_day_of_receipt_also_after_triage(received_at: datetime, pack: str) -> None:
    assert packs(received_at) == [(pack,), (pack,)]


def test_the_day_of_receipt_is_in_the_zone_of_the_pack() -> None:
    summer = load_rulebook(None, around=date(2026, 11, 1), packs=["uk-telecom"])
    just_before, just_after = (datetime(2026, 4, 7, hour, 30, tzinfo=UTC) for hour in (22, 23))
    terms = [summer.match(match_facts(SlaState(complaint_id=COMPLAINT), None), at) for at in (just_before, just_after)]
    assert [matched.packs[0][0] for matched in terms] == ["uk-telecom-2018", "uk-telecom"], (
        "London's midnight is 23:00 UTC"
    )


def test_an_impossible_day_of_receipt_is_limited_to_ten_years_back() -> None:
    long_ago = datetime(1970, 1, 1, tzinfo=UTC)
    assert packs(long_ago, triaged_too=False) == [("ie-cpc-2012",)], "clocks are counted from then, too"


# ── recomputed ────────────────────────────────────────────────────────────────────────────────────────────────────────


def life_with_rebase() -> ComplaintBuilder:
    """Triaged, moved by a publication behind one that moves nothing, and triaged again."""
    complaint = acknowledged_complaint(published())
    complaint.receive("Mon 11:00", triaged("high"))
    complaint.rulebook = published(
        (with_goal({"business": "PT16H"}), "new_only"),
        (closed_on("2026-11-03"), "rebase_open"),
        previous=complaint.rulebook,
    )
    complaint.handle("Mon 12:00", Recompute(COMPLAINT))
    complaint.receive("Mon 13:00", triaged("critical"))
    return complaint


def test_recomputed_terms_equal_the_stored_terms() -> None:
    complaint = life_with_rebase()
    assert complaint.state is not None
    assert [applied.why for applied in complaint.state.terms] == ["receipt", "triage", "triage", "rebase", "triage"]
    assert expected_terms(complaint.state, complaint.rulebook) == complaint.state.terms


def test_missing_or_changed_terms_are_detected() -> None:
    complaint = life_with_rebase()
    assert complaint.state is not None
    real = complaint.state.terms
    other = real[4]._replace(terms=real[4].terms._replace(policy_version=2))
    for wrong in (real[1:], real[:4], (*real[:4], other)):
        assert expected_terms(complaint.state.replace(terms=wrong), complaint.rulebook)[-1] == real[-1]
        assert expected_terms(complaint.state.replace(terms=wrong), complaint.rulebook) != wrong
