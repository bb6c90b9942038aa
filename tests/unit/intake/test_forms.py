"""Forms: every kind of invalid input is refused with its field and the expected value, and no value is quoted."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import TypeAdapter

from services.intake.forms import (
    COMPLAINT,
    COMPLAINT_LINE,
    FeedbackForm,
    Invalid,
    Malformed,
    MessageForm,
    MilestoneForm,
    ProgressForm,
    ResolutionForm,
    parse_form,
)
from services.intake.forms.complaint import EXAMPLE
from services.intake.forms.errors import SHOWN_MAX

NOW = datetime(2026, 5, 4, 9, 30, tzinfo=UTC)
SECRET = "Zebra-4711"


def complaint(**changes: Any) -> dict[str, Any]:
    return {**EXAMPLE, **changes}


def customer(**changes: Any) -> dict[str, Any]:
    fields = {**EXAMPLE["customer"], **changes}
    return complaint(customer={name: value for name, value in fields.items() if value is not ...})


def parse_refused(form: TypeAdapter[Any], body: Any) -> Invalid:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    with pytest.raises(Invalid) as caught:
        parse_form(form, content, NOW)
    return caught.value


def parse_complaint(body: dict[str, Any]) -> Any:
    return parse_form(COMPLAINT, json.dumps(body).encode(), NOW)


INVALID_COMPLAINTS: list[tuple[dict[str, Any], str, str]] = [
    (complaint(narrative=...), "narrative", "required"),
    (complaint(channel=...), "channel", "required"),
    (complaint(customer=...), "customer", "required"),
    (complaint(narrative=""), "narrative", "1 characters or more"),
    (complaint(narrative="  \n\t "), "narrative", "1 characters or more"),
    (complaint(narrative="x" * 100_001), "narrative", "at most 100000 characters"),
    (complaint(narrative=12), "narrative", "text"),
    (complaint(narrative=None), "narrative", "text"),
    (complaint(narrative=["a"]), "narrative", "text"),
    (complaint(narrative=f"{SECRET}\x00"), "narrative", "without control characters"),
    (complaint(narrative=f"{SECRET}\x1b[31m"), "narrative", "without control characters"),
    (complaint(narrative=f"{SECRET}\x7f"), "narrative", "without control characters"),
    (complaint(narrative=f"{SECRET}\x85x"), "narrative", "without control characters"),
    (complaint(narrative=f"{SECRET}\rx"), "narrative", "without control characters"),
    (complaint(subject=f"{SECRET}\nBcc: x"), "subject", "one line"),
    (complaint(subject="x" * 201), "subject", "at most 200"),
    (complaint(product=f"a\u2028{SECRET}"), "product", "one line"),
    (complaint(expected_outcome="x" * 2001), "expected_outcome", "at most 2000"),
    (complaint(channel="telepathy"), "channel", "'web'"),
    (complaint(priority="high"), "priority", "no such field"),
    (complaint(received_at="2026-05-04T09:36:00Z"), "received_at", "until now"),
    (complaint(received_at="1999-12-31T23:59:59Z"), "received_at", "from the year 2000"),
    (complaint(received_at="2026-02-30T10:00:00Z"), "received_at", "ISO 8601"),
    (complaint(received_at="2026-05-04T09:00:00"), "received_at", "offset"),
    (complaint(received_at="yesterday"), "received_at", "ISO 8601"),
    (complaint(received_at=1700000000), "received_at", "ISO 8601"),
    (complaint(attributes={f"a{n}": "x" for n in range(33)}), "attributes", "at most 32"),
    (complaint(attributes={"order": 12}), "attributes.order", "text"),
    (complaint(attributes={"order": f"{SECRET}\x00"}), "attributes.order", "without control characters"),
    (complaint(attributes={f"{SECRET} of the customer": "x"}), "attributes.(unnamed).[key]", "a name of letters"),
    (complaint(attributes=[]), "attributes", "an object"),
    (complaint(customer="Customer 12"), "customer", "an object"),
    (customer(email=..., phone=...), "customer", "at least one of email and phone"),
    (customer(email=f"{SECRET}"), "customer.email", "name@example.org"),
    (customer(email=f"{SECRET}@localhost"), "customer.email", "name@example.org"),
    (customer(email=f"{SECRET}@mail.invalid"), "customer.email", "name@example.org"),
    (customer(email=f"{SECRET}@example..org"), "customer.email", "name@example.org"),
    (customer(email=f".{SECRET}@example.org"), "customer.email", "name@example.org"),
    (customer(email=f"{SECRET}\n@example.org"), "customer.email", "name@example.org"),
    (customer(email=f"{SECRET}@exa mple.org"), "customer.email", "name@example.org"),
    (customer(email=f"{'x' * 65}@example.org"), "customer.email", "name@example.org"),
    (customer(email=f"x@{'y' * 260}.org"), "customer.email", "at most 254"),
    (customer(phone="0815 4711"), "customer.phone", "country code"),
    (customer(phone="+999123"), "customer.phone", "country code"),
    (customer(phone="call me"), "customer.phone", "country code"),
    (customer(locale="xx"), "customer.locale", "a language tag"),
    (customer(locale="klingon"), "customer.locale", "a language tag"),
    (customer(locale="../../etc"), "customer.locale", "a language tag"),
    (customer(locale=...), "customer.locale", "required"),
    (customer(timezone="Mars/Olympus"), "customer.timezone", "IANA"),
    (customer(timezone="../../etc/passwd"), "customer.timezone", "IANA"),
    (customer(timezone="+07:00"), "customer.timezone", "IANA"),
    (customer(name=f"{SECRET}\nX"), "customer.name", "one line"),
    (customer(age=3), "customer.age", "no such field"),
    (complaint(on_behalf_of={"name": "Customer 13"}), "on_behalf_of.authority", "required"),
    (complaint(on_behalf_of={"authority": "parent"}), "on_behalf_of.name", "required"),
]


@pytest.mark.parametrize(("body", "field", "expected"), INVALID_COMPLAINTS)
def test_an_invalid_field_is_named_with_the_expected_value_and_not_quoted(
    body: dict[str, Any], field: str, expected: str
) -> None:
    sent = {name: value for name, value in body.items() if value is not ...}
    error = parse_refused(COMPLAINT, sent)
    errors = {item["field"]: item["expected"] for item in error.errors}
    assert expected in errors[field]
    assert SECRET not in json.dumps(error.errors) + error.detail, "text of a person is never quoted"
    assert all(set(item) == {"field", "expected", "code"} for item in error.errors)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"not json",
        b'{"narrative": "\xff\xfe"}',
        b'{"narrative": "\\ud800"}',
        b'{"narrative": "\xed\xa0\x80"}',
        b'{"a":' * 5000 + b"1" + b"}" * 5000,
        b'{"channel": "web",}',
        b"\x00",
    ],
)
def test_a_body_that_is_not_json_in_utf_8_is_malformed(body: bytes) -> None:
    error = parse_refused(COMPLAINT, body)
    assert isinstance(error, Malformed)
    assert error.errors == [{"field": "body", "expected": "JSON in UTF-8", "code": "json_invalid"}]


@pytest.mark.parametrize("body", [b"[]", b"null", b"1", b'"text"', b"NaN"])
def test_json_that_is_not_an_object_is_refused_as_field_body(body: bytes) -> None:
    assert parse_refused(COMPLAINT, body).errors[0]["field"] == "body"


def test_all_invalid_fields_are_named_at_once_up_to_a_limit() -> None:
    error = parse_refused(COMPLAINT, {f"x{n}": 1 for n in range(100)})
    assert len(error.errors) == SHOWN_MAX


VALID_COMPLAINTS: list[dict[str, Any]] = [
    EXAMPLE,
    complaint(narrative="x" * 100_000),
    complaint(narrative="первый ред\nвторой\tред 投诉 khiếu nại 🙂"),
    complaint(received_at="2026-05-04T09:34:59Z"),
    complaint(received_at="2000-01-01T07:00:00+07:00"),
    customer(email=..., phone="+62 812-3456-7890"),
    customer(email="føretak+klage@bedrift.example.no"),
    customer(email="o'neil_1@sub.example.co.uk"),
    customer(name=...),
    *(
        customer(locale=tag)
        for tag in (
            "en",
            "id",
            "id-ID",
            "vi",
            "zh-Hans",
            "zh-Hant",
            "zh-TW",
            "sr-Cyrl",
            "sr-Latn",
            "nb-NO",
            "nb",
            "en_GB",
        )
    ),
    complaint(on_behalf_of={"name": "Customer 13", "authority": "parent"}),
]


@pytest.mark.parametrize("body", VALID_COMPLAINTS)
def test_a_valid_complaint_is_accepted(body: dict[str, Any]) -> None:
    assert parse_complaint(body).narrative == body["narrative"]


def test_a_phone_number_is_stored_in_e164_form() -> None:
    assert parse_complaint(customer(phone="+62 812-3456-7890")).customer.phone == "+6281234567890"


def test_crlf_line_ends_are_stored_as_lf() -> None:
    assert parse_complaint(complaint(narrative="one\r\ntwo")).narrative == "one\ntwo"


def test_a_language_tag_is_stored_with_hyphens() -> None:
    assert parse_complaint(customer(locale="en_GB")).customer.locale == "en-GB"


def test_repr_of_a_form_contains_no_personal_data() -> None:
    text = repr(parse_complaint(complaint(narrative=SECRET, subject=SECRET, attributes={"a": SECRET}))) + repr(
        parse_complaint(customer(name=SECRET))
    )
    assert SECRET not in text
    assert "customer12@example.org" not in text


def test_without_a_context_times_are_compared_with_the_system_clock() -> None:
    ahead = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    with pytest.raises(ValueError, match="until now"):
        COMPLAINT.validate_json(json.dumps(complaint(received_at=ahead)))


@pytest.mark.parametrize("key", ["", "x" * 201, "with space", "ключ", 5])
def test_an_invalid_idempotency_key_of_a_line_is_refused(key: Any) -> None:
    assert parse_refused(COMPLAINT_LINE, complaint(idempotency_key=key)).errors[0]["field"] == "idempotency_key"


INVALID_UPDATES: list[tuple[type[Any], dict[str, Any], str]] = [
    (MessageForm, {"text": ""}, "text"),
    (MessageForm, {"text": "x", "author": "robot"}, "author"),
    (MessageForm, {"text": "x", "public": False}, "body"),
    (ProgressForm, {}, "state"),
    (ProgressForm, {"state": "sleeping"}, "state"),
    (ProgressForm, {"state": "investigating", "expected_at": "2026-06-01T00:00:00Z"}, "body"),
    (ProgressForm, {"state": "investigating", "expected_at": "tomorrow", "reason": "x"}, "expected_at"),
    (ProgressForm, {"state": "investigating", "reason": "Because I say so"}, "reason"),
    (ResolutionForm, {"outcome": "upheld"}, "explanation"),
    (ResolutionForm, {"outcome": "maybe", "explanation": "x"}, "outcome"),
    (ResolutionForm, {"outcome": "upheld", "explanation": "x", "resolved_at": "2027-01-01T00:00:00Z"}, "resolved_at"),
    (ResolutionForm, {"outcome": "upheld", "explanation": "x", "redress": [{"kind": "money"}]}, "redress.0.kind"),
    (
        ResolutionForm,
        {"outcome": "upheld", "explanation": "x", "redress": [{"kind": "refund", "amount": "5"}]},
        "redress.0",
    ),
    (
        ResolutionForm,
        {"outcome": "upheld", "explanation": "x", "redress": [{"kind": "refund", "amount": "-5", "currency": "IDR"}]},
        "redress.0.amount",
    ),
    (
        ResolutionForm,
        {"outcome": "upheld", "explanation": "x", "redress": [{"kind": "refund", "amount": "NaN", "currency": "IDR"}]},
        "redress.0.amount",
    ),
    (
        ResolutionForm,
        {"outcome": "upheld", "explanation": "x", "redress": [{"kind": "refund", "amount": "5", "currency": "rupiah"}]},
        "redress.0.currency",
    ),
    (ResolutionForm, {"outcome": "upheld", "explanation": "x", "redress": [{"kind": "apology"}] * 11}, "redress"),
    (MilestoneForm, {}, "milestone"),
    (MilestoneForm, {"milestone": "lunch"}, "milestone"),
    (MilestoneForm, {"milestone": "settled", "occurred_at": "2026-05-04T09:36:00Z"}, "occurred_at"),
    (MilestoneForm, {"milestone": "settled", "occurred_at": "2026-05-04T09:00:00"}, "occurred_at"),
    (MilestoneForm, {"milestone": "handed_over", "item": "Ms. Zebra"}, "item"),
    (MilestoneForm, {"milestone": "settled", "note": "  "}, "note"),
    (MilestoneForm, {"milestone": "settled", "by": "customer"}, "by"),
    (FeedbackForm, {}, "fixed"),
    (FeedbackForm, {"fixed": "yes"}, "fixed"),
    (FeedbackForm, {"fixed": True, "score": 6}, "score"),
    (FeedbackForm, {"fixed": True, "stars": 6}, "stars"),
]


@pytest.mark.parametrize(("form", "body", "field"), INVALID_UPDATES)
def test_an_invalid_update_names_its_field(form: type[Any], body: dict[str, Any], field: str) -> None:
    assert parse_refused(TypeAdapter(form), body).errors[0]["field"] == field


@pytest.mark.parametrize("form", [MessageForm, ProgressForm, ResolutionForm, MilestoneForm, FeedbackForm])
def test_the_examples_of_every_update_form_are_accepted(form: type[Any]) -> None:
    for example in form.model_config["json_schema_extra"]["examples"]:
        parse_form(TypeAdapter(form), json.dumps(example).encode(), NOW)
