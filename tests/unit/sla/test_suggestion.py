"""The explanation of a suggested date in a sentence."""

from datetime import UTC, datetime

import pytest

from services.sla.reports.suggestion import Suggestion, explain_suggestion


@pytest.mark.parametrize(
    ("took", "sentence"),
    [
        (0, "were answered in less than a minute of opening time."),
        (59, "were answered in less than a minute of opening time."),
        (5400, "were answered within 1 h 30 min of opening time."),
    ],
)
def test_a_duration_of_seconds_is_explained_as_less_than_a_minute(took: int, sentence: str) -> None:
    suggestion = Suggestion(datetime(2031, 5, 5, tzinfo=UTC), "billing", 25, took, None, needs_approval=False)
    assert explain_suggestion(suggestion).endswith(sentence)
