"""Where a suggested date comes from, in a sentence that a person can read out."""

from datetime import UTC, datetime

import pytest

from services.sla.reports.suggestion import Suggestion, because


@pytest.mark.parametrize(
    ("took", "sentence"),
    [
        (0, "had their answer in less than a minute of opening time."),
        (59, "had their answer in less than a minute of opening time."),
        (5400, "had their answer within 1 h 30 min of opening time."),
    ],
)
def test_what_nine_in_ten_took_is_never_no_time(took: int, sentence: str) -> None:
    found = Suggestion(datetime(2031, 5, 5, tzinfo=UTC), "billing", 25, took, None, needs_approval=False)
    assert because(found).endswith(sentence)
