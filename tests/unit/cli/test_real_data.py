"""Real complaints of other people become forms that intake takes, every single one. Nothing of them is kept here."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from deploy.cli.submit.encode import Order, to_lines
from deploy.cli.submit.mapping import read_plan
from deploy.cli.submit.results import RowResult
from deploy.cli.submit.rows import open_source
from services.intake.forms import COMPLAINT_LINE, parse_form

SETS = Path(__file__).parents[4] / "shared" / "data" / "sets"
MAPS = ["narrative=text", "product=label", "channel=channel", "received_at=created_at"]
CASES = {
    "cfpb_narratives": (3932, ["customer.locale=en-US", "customer.timezone=America/New_York"]),
    "sikayetvar_tr": (2541, ["customer.locale=tr-TR", "customer.timezone=Europe/Istanbul"]),
}


@pytest.mark.parametrize("name", CASES)
def test_every_row_becomes_a_complaint_with_a_key_of_its_own(name: str) -> None:
    path = SETS / f"{name}.jsonl.gz"
    if not path.exists():
        pytest.skip(f"the development data is not here: {path.name}")
    count, who = CASES[name]
    plan = read_plan(MAPS, [*who, "channel=web", "customer.email=c{id}@example.com"])
    bad: list[RowResult] = []
    with open_source(path, lambda: pytest.fail("standard input is not asked for")) as source:
        order = Order(plan, b"secret", column="id")
        lines = list(to_lines(source.rows(), order, bad=bad.append, cleaned=lambda: None))
    now = datetime.now(UTC)
    keys = {parse_form(COMPLAINT_LINE, line.body, now).idempotency_key for line in lines}
    assert bad == []
    assert len(keys) == len(lines) == count
