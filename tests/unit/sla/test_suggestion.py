"""The explanation of a suggested date in a sentence."""

import pytest

from services.sla.reports.suggestion import explain_suggestion


@pytest.mark.parametrize(
    ("took", "sentence"),
    [
        (0, "were answered in less than a minute of opening time."),
        (59, "were answered in less than a minute of opening time."),
        (5400, "were answered within 1 h 30 min of opening time."),
    ],
)
def test_a_duration_of_seconds_is_explained_as_less_than_a_minute(took: int, sentence: str) -> None:
    assert explain_suggestion("billing", 25, took).endswith(sentence)
