"""`redress sla explain`: headings and explanations printed for a response of sla."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from deploy.cli.sla.explain import explanations, parse_as_of
from services.sla.domain import MakePromise, RevisePromise
from services.sla.routes import schemas
from shared.errors import Misconfigured
from tests.unit.sla.lives import COMPLAINT, Life, at, book, policy, promised, resolved


def explain(life: Life, now: str) -> dict[str, str]:
    assert life.state is not None
    return dict(explanations(schemas.clocks(life.state, life.rulebook, at(now)).model_dump(mode="json")))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, None),
        ("2026-03-03", datetime(2026, 3, 3, tzinfo=UTC)),
        ("2026-03-03T09:00", datetime(2026, 3, 3, 9, tzinfo=UTC)),
        ("2026-03-03T09:00+01:00", datetime(2026, 3, 3, 9, tzinfo=timezone(timedelta(hours=1)))),
    ],
)
def test_as_of_is_a_date_or_a_time_in_utc_unless_it_has_an_offset(text: str | None, expected: object) -> None:
    assert parse_as_of(text) == expected


def test_an_invalid_as_of_is_refused_with_an_example() -> None:
    with pytest.raises(Misconfigured, match="such as 2026-03-03T09:00Z"):
        parse_as_of("yesterday")


def test_every_clock_and_promise_is_explained_and_running_clocks_come_first() -> None:
    headings = explain(promised(), "Mon 11:00")
    assert list(headings) == [
        "requester_wait, cycle 1 (running)",
        "acknowledge, cycle 1 (met)",
        "promise 1, outcome (open)",
    ]
    assert "8 h of opening time" in headings["requester_wait, cycle 1 (running)"]


def test_a_missed_clock_is_marked_as_missed() -> None:
    life = promised()
    life.hears("Wed 12:00", resolved("Wed 12:00"))
    assert "requester_wait, cycle 1 (missed)" in explain(life, "Wed 12:00")


def test_an_extension_is_listed_with_its_approval_status() -> None:
    capped = policy(
        id="capped", when={"severity": ["normal"]}, promise={"buffer": "PT4H", "extension": {"business_days": 2}}
    )
    life = promised(book(capped))
    life.asks("Mon 11:00", RevisePromise(COMPLAINT, actor="ann", promise=1, due_at=at("Fri 12:00"), reason="x"))
    assert "extension of promise 1 (waits for approval)" in explain(life, "Mon 12:00")


def test_several_actions_have_headings_of_their_own() -> None:
    life = promised()
    for item in ("refund", "a new lock"):
        life.asks("Mon 11:00", MakePromise(COMPLAINT, actor="ann", subject="action", item=item, due_at=at("Thu 10:00")))
    assert {"promise 2, action 'refund' (untold)", "promise 3, action 'a new lock' (untold)"} <= set(
        explain(life, "Mon 12:00")
    )
