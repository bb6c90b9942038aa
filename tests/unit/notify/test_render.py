"""Rendering of every kind of message in every language, in HTML and in plain text."""

import re
import string
import tomllib
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import get_args

import pytest

from services.notify.domain import REQUIRED, Content
from services.notify.domain.content import ONE_OF
from services.notify.domain.languages import SUPPORTED, choose_locale, supported_language
from services.notify.routes.sample import build_sample
from services.notify.templates import Renderer
from services.notify.templates.catalogue import load_catalogue
from services.notify.templates.localize import Localizer
from shared.contracts import events as e
from shared.errors import Misconfigured, Rejected
from tests.unit.notify.builders import visible_text

KINDS = get_args(e.MessageKind)
RENDERER = Renderer("Example Shop", timezone="UTC", contact_line="Call 0800 for free.")
FULL = build_sample("Asia/Jakarta")
RULEBOOK = Path(__file__).parents[3] / "services" / "triage" / "rulebook"
REQUIRED_TEXTS = {  # fields that a message must contain, by kind; every message also contains name, reference and organisation
    "acknowledgement": ("subject", "expected_outcome", "handler", "due_at"),
    "progress": ("words", "handler", "due_at", "next_update_at"),
    "promise_moved": ("due_at", "old_due_at", "handler"),
    "delay": ("old_due_at", "due_at", "handler"),
    "holding": ("due_at", "handler"),
    "handler_changed": ("handler",),
    "resolution": ("words",),
    "reopened": ("subject", "handler", "due_at"),
    "withdrawn": (),
}


def expected_texts(kind: str, localizer: Localizer) -> list[str]:
    texts = [FULL.name, FULL.reference, "Example Shop", "Call 0800 for free."]
    for name in REQUIRED_TEXTS[kind]:
        value = getattr(FULL, name)
        texts += [localizer.format_time(value)] if isinstance(value, datetime) else str(value).splitlines()
    return texts


@pytest.mark.parametrize("language", SUPPORTED)
@pytest.mark.parametrize("kind", KINDS)
def test_both_parts_of_every_message_contain_its_facts(kind: e.MessageKind, language: str) -> None:
    rendered = RENDERER.render(kind, FULL, language)
    for fact in expected_texts(kind, Localizer(language, FULL.timezone)):
        assert fact in visible_text(rendered.html)
        assert fact in rendered.text
    assert rendered.locale == language
    assert rendered.template.startswith(f"{kind}/{language}@")
    assert f'<html lang="{language}">' in rendered.html


@pytest.mark.parametrize("language", SUPPORTED)
@pytest.mark.parametrize("kind", KINDS)
def test_a_subject_contains_only_the_reference_and_the_text_of_its_kind(kind: e.MessageKind, language: str) -> None:
    rendered = RENDERER.render(kind, FULL, language)
    assert rendered.subject == f"[{FULL.reference}] {load_catalogue(language)[f'subject.{kind}']}"


@pytest.mark.parametrize("kind", KINDS)
def test_a_missing_required_field_is_refused_and_named(kind: e.MessageKind) -> None:
    for name in set(REQUIRED[kind]) - {"received_at"}:
        with pytest.raises(Rejected, match=f"{kind}: expected {name}"):
            RENDERER.render(kind, FULL.model_copy(update={name: "" if name == "reference" else None}), "en")
    if kind in ONE_OF:
        with pytest.raises(Rejected, match=f"{kind}: expected one of {', '.join(ONE_OF[kind])}"):
            RENDERER.render(kind, FULL.model_copy(update=dict.fromkeys(ONE_OF[kind])), "en")


@pytest.mark.parametrize("language", SUPPORTED)
@pytest.mark.parametrize("kind", KINDS)
def test_a_message_renders_with_only_its_required_fields(kind: e.MessageKind, language: str) -> None:
    required = {*REQUIRED[kind], "received_at"}
    for name in ONE_OF.get(kind, ("reference",)):
        minimal = Content(**{k: v for k, v in FULL.model_dump().items() if k in {*required, name}})
        rendered = RENDERER.render(kind, minimal, language)
        for part in (rendered.html, rendered.text):
            assert "None" not in part
            assert FULL.reference in part


@pytest.mark.parametrize("language", SUPPORTED)
def test_every_catalogue_has_the_keys_and_placeholders_of_the_english_one(language: str) -> None:
    def placeholders(text: str) -> set[str]:
        return {name for _, name, _, _ in string.Formatter().parse(text) if name}

    english, other = load_catalogue("en"), load_catalogue(language)
    assert other.keys() == english.keys()
    assert {k: placeholders(v) for k, v in other.items()} == {k: placeholders(v) for k, v in english.items()}
    assert all(text.strip() for text in other.values())


@pytest.mark.parametrize("language", [language for language in SUPPORTED if language != "en"])
def test_no_long_text_of_a_catalogue_equals_an_english_text(language: str) -> None:
    english = {text for key, text in load_catalogue("en").items() if len(text) > 20}
    assert not english & set(load_catalogue(language).values())


def test_each_serbian_catalogue_uses_only_its_own_script() -> None:
    cyrillic = set("абвгдђежзијклљмнњопрстћуфхцчџш")
    assert not any(cyrillic & set(text.lower()) for text in load_catalogue("sr-Latn").values())
    assert not any(re.search(r"[a-z]", re.sub(r"\{\w+\}", "", text)) for text in load_catalogue("sr-Cyrl").values())


@pytest.mark.parametrize(
    ("section", "file", "table"), [("category", "categories", "categories"), ("team", "teams", "teams")]
)
def test_every_category_and_team_of_the_rulebook_has_a_catalogue_text(section: str, file: str, table: str) -> None:
    codes = tomllib.loads((RULEBOOK / f"{file}.toml").read_text())[table]
    assert {f"{section}.{code}" for code in codes} <= load_catalogue("en").keys()


def test_text_of_customers_is_escaped_and_never_formatted() -> None:
    hostile = FULL.model_copy(
        update={"subject": "<script>alert(1)</script>", "name": "{{ 7 * 7 }} {name}", "words": "a<b>&"}
    )
    for kind in KINDS:
        rendered = RENDERER.render(kind, hostile, "en")
        assert "<script>" not in rendered.html
        assert "<b>" not in rendered.html
        assert "{{ 7 * 7 }} {name}" in rendered.text


def test_the_acknowledgement_asks_for_corrections_and_explains_how_to_escalate() -> None:
    text = RENDERER.render("acknowledgement", FULL, "en").text
    for phrase in ("Did we misunderstand", "supervisor", "What happens next", "Damaged or defective product"):
        assert phrase in text


def test_an_acknowledgement_without_a_date_announces_a_later_date() -> None:
    text = RENDERER.render("acknowledgement", FULL.model_copy(update={"due_at": None}), "en").text
    assert "date above" not in text
    assert "as soon as it is set" in text


def test_a_delay_message_apologises_with_and_without_a_new_date() -> None:
    for content in (FULL, FULL.model_copy(update={"due_at": None})):
        text = RENDERER.render("delay", content, "en").text
        assert "We apologise; this is our responsibility." in text


@pytest.mark.parametrize("outcome", get_args(e.Outcome))
@pytest.mark.parametrize("language", SUPPORTED)
def test_every_outcome_has_a_sentence_in_every_language(outcome: e.Outcome, language: str) -> None:
    rendered = RENDERER.render("resolution", FULL.model_copy(update={"outcome": outcome}), language)
    assert load_catalogue(language)[f"outcome.{outcome}"] in rendered.text


@pytest.mark.parametrize(
    ("tag", "amount"),
    [("en", "€1,234.50"), ("id", "€1.234,50"), ("nb", "1\u00a0234,50\u00a0€"), ("sr-Latn", "1.234,50\u00a0€")],
)
def test_money_is_formatted_for_the_language(tag: str, amount: str) -> None:
    offer = e.Redress(kind="refund", amount=Decimal("1234.5"), currency="EUR")
    assert amount in Localizer(tag, None).format_redress(offer).replace("\u202f", "\u00a0")


@pytest.mark.parametrize(
    ("tag", "zone", "expected"),
    [
        ("en-GB", "Europe/London", "Friday 26 June 2026, 13:00 (British Summer Time)"),
        ("id", "Asia/Jakarta", "Jumat, 26 Juni 2026, 19.00 (Waktu Indonesia Barat)"),
        ("nb", "Europe/Oslo", "fredag 26. juni 2026, 14:00 (sentraleuropeisk sommertid)"),
        ("en", "Nowhere/Atlantis", "Friday, June 26, 2026, 12:00\u202fPM (Coordinated Universal Time)"),
    ],
)
def test_a_time_has_weekday_date_time_and_zone_of_the_recipient(tag: str, zone: str, expected: str) -> None:
    assert Localizer(tag, zone).format_time(datetime(2026, 6, 26, 12, tzinfo=UTC)).replace(",", "") == expected.replace(
        ",", ""
    )


@pytest.mark.parametrize(
    ("tag", "catalogue"),
    [
        ("en-US", "en"), ("id_ID", "id"), ("in", "id"), ("zh", "zh-Hans"), ("zh-CN", "zh-Hans"), ("zh-TW", "zh-Hant"),
        ("zh-Hant-HK", "zh-Hant"), ("zh-Hans-HK", "zh-Hans"), ("sr", "sr-Cyrl"), ("sr-Latn-RS", "sr-Latn"), ("no", "nb"),
        ("nn-NO", "nb"), ("vi-VN", "vi"), ("fr", None), ("", None),
    ],
)  # fmt: skip
def test_a_language_tag_selects_its_catalogue(tag: str, catalogue: str | None) -> None:
    assert supported_language(tag) == catalogue


def test_an_unsupported_language_gets_a_message_in_english_with_its_locale() -> None:
    rendered = RENDERER.render("acknowledgement", FULL, "fr-FR")
    assert rendered.locale == "en"
    assert "Thank you for telling us" in rendered.text
    assert "May" in rendered.text
    assert choose_locale(["fr", None], "nb") == "nb"


def test_a_missing_catalogue_key_raises_misconfigured() -> None:
    with pytest.raises(Misconfigured, match=r"expected nothing\.here"):
        Localizer("en", None).sentence("nothing.here")


def test_the_template_version_differs_for_each_kind_and_language() -> None:
    templates = [RENDERER.render(kind, FULL, language).template for kind in KINDS for language in SUPPORTED]
    versions = {template.partition("@")[2] for template in templates}
    assert len(versions) == len(KINDS) * len(SUPPORTED)
