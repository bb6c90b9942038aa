"""Types of text fields in requests: accepted values and error texts."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from shared.http.validation_errors import describe_accepted
from shared.text import Duration, Instant, Item, Reason, is_line, is_prose


def refusal_text(kind: Any, value: Any) -> str:
    with pytest.raises(ValidationError) as error:
        TypeAdapter(kind).validate_python(value)
    return describe_accepted(error.value.errors()[0])


@pytest.mark.parametrize("character", ["\x00", "\n", "\r", "\t", "\x1b", "\x7f", "\x85", "\u2028", "\u2029"])
def test_a_line_refuses_control_characters_and_prose_allows_only_line_breaks_and_tabs(character: str) -> None:
    for text in (f"a{character}b", character, f"a{character}"):
        assert not is_line(text)
        assert is_prose(text) == (character in "\n\t\u2028\u2029")
        assert refusal_text(Item, text) == "one line of text without control characters"


@pytest.mark.parametrize("text", ["", "nový kettle", "你好", "👩‍🔧", "e\u0301"])
def test_a_line_may_be_in_any_language(text: str) -> None:
    assert is_line(text)
    assert TypeAdapter(Item).validate_python(text) == text


def test_an_instant_is_iso_8601_text_with_an_offset() -> None:
    class Form(BaseModel):
        model_config = ConfigDict(strict=True)
        at: Instant

    for text in ("2031-05-05T12:00:00Z", "2031-05-05T12:00Z", "2031-05-05t19:00:00+07:00"):
        assert Form.model_validate({"at": text}).at == datetime(2031, 5, 5, 12, tzinfo=UTC)
    for wrong in (1900000000, "1900000000", "2031-05-05", "soon", None, True, "2031-02-30T12:00:00Z"):
        assert refusal_text(Instant, wrong).endswith("such as 2026-05-04T09:30:00+07:00")
    for extreme in ("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"):
        assert refusal_text(Instant, extreme) == "a year from 1901 to 8999, such as 2026-05-04T09:30:00+07:00"
    assert "2026-05-04T02:30:00Z" in refusal_text(Instant, "2031-05-05T12:00:00")
    assert "%2B07:00" in refusal_text(Instant, "2031-05-05T12:00:00 07:00"), "a plus sign that was not percent-encoded"


def test_a_duration_is_iso_8601_text_with_units() -> None:
    read = TypeAdapter(Duration).validate_python
    assert read("PT4H") == timedelta(hours=4)
    assert read("P1DT30M") == timedelta(days=1, minutes=30)
    assert read("-PT1H") == -timedelta(hours=1)
    for wrong in ("4", "soon", "P", "PT", "P1", "1 day", "04:00:00", "PT4H\n"):
        assert refusal_text(Duration, wrong) == "a duration such as PT4H, PT30M or P2D"


def test_a_reason_is_a_code_and_not_free_text() -> None:
    assert TypeAdapter(Reason).validate_python("supplier_delay") == "supplier_delay"
    assert refusal_text(Reason, "No words").endswith("such as supplier_delay")
