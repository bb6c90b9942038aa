"""Conversion of rows of public complaint data sets to requests of intake. The data is not part of this repository."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from deploy.cli.submit.encode import SubmitOptions, encode_rows
from deploy.cli.submit.mapping import parse_plan
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
def test_every_row_becomes_a_complaint_with_a_unique_key(name: str) -> None:
    path = SETS / f"{name}.jsonl.gz"
    if not path.exists():
        pytest.skip(f"the development data is not present: {path.name}")
    count, customer = CASES[name]
    plan = parse_plan(MAPS, [*customer, "channel=web", "customer.email=c{id}@example.com"])
    rejected: list[RowResult] = []
    with open_source(path, lambda: pytest.fail("standard input is not read")) as source:
        options = SubmitOptions(plan, b"secret", column="id")
        lines = list(encode_rows(source.rows(), options, reject=rejected.append, count_cleaned=lambda: None))
    now = datetime.now(UTC)
    keys = {parse_form(COMPLAINT_LINE, line.body, now).idempotency_key for line in lines}
    assert rejected == []
    assert len(keys) == len(lines) == count
