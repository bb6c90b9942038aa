"""Mapping of foreign columns to the request body of intake."""

from typing import Any

import pytest

from deploy.cli.submit.mapping import clean_text, column_value, map_row, parse_plan
from deploy.cli.submit.rows import SourceRow
from shared.errors import Misconfigured, Rejected


def map_to_form(maps: list[str], sets: list[str], zone: str = "UTC", **values: Any) -> dict[str, Any]:
    return map_row(parse_plan(maps, sets, zone), SourceRow(7, values)).form


def test_a_column_fills_a_field_and_a_dotted_field_makes_a_group() -> None:
    assert map_to_form(["narrative=text", "customer.email=mail"], [], text="It broke.", mail="c@example.com") == {
        "narrative": "It broke.",
        "customer": {"email": "c@example.com"},
    }


def test_a_constant_is_used_where_the_mapped_column_is_empty() -> None:
    assert map_to_form(["channel=how"], ["channel=phone"], how="Web") == {"channel": "web"}
    assert map_to_form(["channel=how"], ["channel=phone"], how=" ") == {"channel": "phone"}
    assert map_to_form(["channel=how"], ["channel=phone"]) == {"channel": "phone"}


def test_a_template_takes_columns_and_the_line() -> None:
    assert map_to_form([], ["customer.email=c{id}-{line}@example.com"], id="k9") == {
        "customer": {"email": "ck9-7@example.com"}
    }


def test_a_template_without_its_column_names_field_and_column() -> None:
    with pytest.raises(Rejected, match=r"customer\.email: the column id"):
        map_to_form([], ["customer.email={id}@example.com"], id="")


def test_nested_columns_are_reached_by_dots_unless_the_name_itself_has_one() -> None:
    assert column_value({"extra": {"company": "A"}}, "extra.company") == "A"
    assert column_value({"extra.company": "B", "extra": {"company": "A"}}, "extra.company") == "B"
    assert column_value({"extra": "text"}, "extra.company") is None


@pytest.mark.parametrize(
    ("text", "zone", "expected"),
    [
        ("2023-05-10", "UTC", "2023-05-10T00:00:00+00:00"),
        ("2023-05-10", "Asia/Jakarta", "2023-05-10T00:00:00+07:00"),
        ("2025-12-13T13:59:00+03:00", "Asia/Jakarta", "2025-12-13T13:59:00+03:00"),
        ("2025-12-13 13:59", "Europe/Oslo", "2025-12-13T13:59:00+01:00"),
        ("yesterday", "UTC", "yesterday"),
    ],
)
def test_a_time_without_offset_is_in_the_configured_zone(text: str, zone: str, expected: str) -> None:
    assert map_to_form(["received_at=at"], [], zone, at=text) == {"received_at": expected}


def test_control_characters_are_removed_and_paragraphs_kept() -> None:
    cleaned = clean_text("one\x00two\r\n\r\nthree\u2028four\x07", one_line=False)
    assert cleaned.text == "one two\n\nthree\nfour"
    assert cleaned.changed


def test_changed_line_ends_alone_do_not_count_as_cleaned() -> None:
    assert clean_text("one\r\ntwo \n", one_line=False) == clean_text("one\ntwo", one_line=False)


def test_a_text_of_one_line_has_its_line_breaks_replaced() -> None:
    assert clean_text("Late\n  again", one_line=True).text == "Late again"


def test_cleaned_text_with_a_lone_surrogate_can_be_encoded() -> None:
    clean_text("half \ud83d emoji", one_line=False).text.encode()


def test_a_cleaned_row_is_marked() -> None:
    plan = parse_plan(["narrative=text"], [])
    assert map_row(plan, SourceRow(1, {"text": "a\x00b"})).cleaned
    assert not map_row(plan, SourceRow(1, {"text": "a\nb"})).cleaned


def test_numbers_and_lists_become_text() -> None:
    assert map_to_form(["attributes.order=no", "attributes.tags=tags"], [], no=42, tags=["a"]) == {
        "attributes": {"order": "42", "tags": '["a"]'}
    }


@pytest.mark.parametrize("item", ["narrative", "narrative=", "story=text", "customer=text", "attributes.=x", "=x"])
def test_a_wrong_mapping_is_refused_before_anything_is_sent(item: str) -> None:
    with pytest.raises(Misconfigured, match="--map"):
        parse_plan([item], [])


def test_an_unknown_zone_is_refused() -> None:
    with pytest.raises(Misconfigured, match="IANA"):
        parse_plan([], [], "Mars/Crater")
