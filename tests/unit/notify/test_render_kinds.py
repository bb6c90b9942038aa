"""Sentences that a kind of message must and must not contain, by reason of the message, in every language."""

import pytest

from services.notify.domain import Content
from services.notify.domain.languages import SUPPORTED
from services.notify.routes.sample import build_sample
from services.notify.templates import Renderer
from services.notify.templates.catalogue import load_catalogue
from services.notify.templates.localize import Localizer
from tests.unit.notify.builders import visible_text

RENDERER = Renderer("Example Shop")
FULL = build_sample("Asia/Jakarta")
# Reason of a message: its kind, changes of the content, sentences that it contains, sentences that it must not contain.
NEWS = dict.fromkeys(("words", "silent_since", "action_at", "next_update_at", "old_due_at")) | {"reasons": ()}
RISK = {"letter": None, "recourse": False, "repeats": False, "reasons": ("downtime",)}
REASONS = {
    "silence": (
        "progress",
        NEWS | {"silent_since": FULL.silent_since},
        ("progress.silence", "progress.date", "progress.open", "state.awaiting_third_party"),
        ("progress.intro", "progress.ask"),
    ),
    "silence before a promise and a first progress": (
        "progress",
        NEWS | {"silent_since": FULL.silent_since, "due_at": None, "progress": None},
        ("progress.silence", "progress.undated", "progress.open", "state.open"),
        ("progress.date",),
    ),
    "silence while the customer included to answer": (
        "progress",
        NEWS | {"silent_since": FULL.silent_since, "progress": "awaiting_customer"},
        ("progress.ask", "state.awaiting_customer"),
        (),
    ),
    "an update is promised": (
        "progress",
        NEWS | {"next_update_at": FULL.next_update_at, "about": "next_update"},
        ("progress.update", "label.next_update", "progress.date", "next_update_at"),
        ("progress.moved", "progress.open", "label.old_due", "progress.silence"),
    ),
    "an update is moved": (
        "progress",
        NEWS
        | {
            "next_update_at": FULL.next_update_at,
            "old_due_at": FULL.old_due_at,
            "reasons": ("workload",),
            "about": "next_update",
        },
        ("progress.moved", "label.old_due", "old_due_at", "next_update_at", "reason.workload"),
        ("progress.update",),
    ),
    "an action is promised": (
        "progress",
        NEWS | {"action_at": FULL.action_at, "due_at": None, "about": "action"},
        ("progress.action", "label.action", "action_at"),
        ("progress.date", "label.next_update", "progress.undated"),
    ),
    "news with the date of the next update": (
        "progress",
        NEWS | {"words": FULL.words, "next_update_at": FULL.next_update_at},
        ("progress.intro", "progress.next", "progress.date"),
        ("progress.open",),
    ),
    "the answer is at risk": (
        "holding",
        RISK,
        ("holding.risk_outcome", "reason.downtime", "holding.sorry", "holding.new_date", "holding.escalate"),
        ("due_at", "next_update_at", "holding.recourse", "holding.letter"),
    ),
    "an update is at risk": ("holding", RISK | {"about": "next_update"}, ("holding.risk_next_update",), ("due_at",)),
    "an action is at risk": ("holding", RISK | {"about": "action"}, ("holding.risk_action",), ("due_at",)),
    "a letter that only reports": (
        "holding",
        {"recourse": False, "repeats": False},
        ("holding.letter", "holding.why", "reason.supplier_delay", "reason.investigation", "due_at", "holding.sorry"),
        ("holding.recourse", "holding.ask", "holding.undated", "holding.risk_outcome", "holding.understood"),
    ),
    "a letter about the right to recourse": (
        "holding",
        {"due_at": None, "progress": "awaiting_customer"},
        ("holding.letter", "holding.undated", "holding.right", "holding.recourse", "holding.ask", "progress.ask"),
        ("label.due",),
    ),
    "a letter that repeats how the complaint was understood": (
        "holding",
        {},
        ("holding.understood", "label.subject", "label.wish", "category.product_quality", "acknowledgement.correct"),
        (),
    ),
    "a letter with one known and one unknown reason": (
        "holding",
        {"reasons": ("why_delayed", "workload")},
        ("reason.workload",),
        ("reason.other",),
    ),
    "a letter with unknown reasons": (
        "holding",
        {"reasons": ("phase_of_the_moon", "rule_7")},
        ("reason.other",),
        ("reason.supplier_delay",),
    ),
    "a letter without a reason": ("holding", {"reasons": ()}, ("reason.other",), ()),
    "an update is late": (
        "delay",
        {"about": "next_update", "reasons": ("lag",)},
        ("delay.intro_next_update", "next_update_at", "label.new_due", "reason.lag"),
        ("delay.open", "delay.intro_outcome"),
    ),
    "an action is late": (
        "delay",
        {"about": "action", "due_at": None},
        ("delay.intro_action", "delay.open"),
        ("delay.new", "next_update_at"),
    ),
}
DATES = {"progress.date": "due_at", "progress.next": "next_update_at"}


def sentence(key: str, content: Content, localizer: Localizer) -> str:
    """Return a date of the content, or a sentence of the catalogue with its date."""
    if "." not in key:
        return str(localizer.format_time(getattr(FULL, key)))
    text = load_catalogue(localizer.language)[key]
    return (
        text.format(date=localizer.format_time(getattr(content, DATES.get(key, "old_due_at")))) if "{" in text else text
    )


@pytest.mark.parametrize("language", SUPPORTED)
@pytest.mark.parametrize(("kind", "changes", "included", "excluded"), REASONS.values(), ids=REASONS)
def test_a_message_contains_the_sentences_for_its_reason(kind, changes, included, excluded, language) -> None:
    content = FULL.model_copy(update=changes)
    rendered, localizer = RENDERER.render(kind, content, language), Localizer(language, FULL.timezone)
    for part in (visible_text(rendered.html), rendered.text):
        for key in included:
            assert sentence(key, content, localizer) in part, key
        for key in excluded:
            assert sentence(key, content, localizer) not in part, key
        assert localizer.format_time(FULL.silent_since) not in part, "the start of the silence is not mentioned"
        assert str(FULL.handler) in part, "the handler is named"


def test_reasons_without_a_text_share_one_sentence() -> None:
    rendered = RENDERER.render("holding", FULL.model_copy(update={"reasons": ("rule_7", "rule_8", "other")}), "en")
    assert rendered.text.count(load_catalogue("en")["reason.other"]) == 1


@pytest.mark.parametrize(("pack", "body"), [("uk", "Ombudsman Service"), ("de", "Schlichtungsstelle")])
def test_the_recourse_body_is_selected_by_pack_with_a_default(pack: str, body: str) -> None:
    bodies = {"uk": "Ombudsman Service\n<b>Free of charge</b>", "*": "Schlichtungsstelle"}
    renderer = Renderer("Example Shop", recourse=bodies)
    rendered = renderer.render("holding", FULL.model_copy(update={"letter": f"{pack}:delay"}), "en")
    for part in (visible_text(rendered.html), rendered.text):
        assert body in part
        assert load_catalogue("en")["holding.ask"] not in part
    assert "<b>" not in rendered.html
    without_recourse = renderer.render(
        "holding", FULL.model_copy(update={"letter": f"{pack}:delay", "recourse": False}), "en"
    )
    assert body not in without_recourse.text
