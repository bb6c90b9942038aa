"""Sentences of the timeline."""

from datetime import UTC, datetime
from typing import Any, get_args

import pytest

from services.intake.domain import TimelineEntry
from services.intake.domain.timeline_text import (
    CHANNELS,
    MESSAGES,
    MILESTONES,
    OUTCOMES,
    PROGRESS,
    PROMISE_BROKEN,
    PROMISE_KEPT,
    PROMISE_MADE,
    PROMISE_MOVED,
    SENTENCES,
    format_sentence,
)
from shared.contracts import INTAKE
from shared.contracts.events import Channel, Merged, MessageKind, Milestone, Outcome, ProgressState, PromiseSubject

DUE = "2026-05-06T10:00:00Z"
ENTRIES: list[tuple[str, dict[str, Any], str]] = [
    ("complaint.received", {"channel": "phone"}, "The complaint reached us by phone."),
    (
        "complaint.triaged",
        {"category": ["late_delivery", "lost"], "severity": "critical", "signals": ["abuse"]},
        "We understand it to be about late delivery / lost.",
    ),
    ("complaint.assigned", {"team": "home_delivery", "handler": "h1"}, "It is with home delivery."),
    (
        "complaint.escalated",
        {"team": "leads", "level": 1, "reason": "abuse"},
        "It was passed on to a higher level, leads.",
    ),
    ("promise.made", {"due_at": DUE}, "An answer is promised by 6 May 2026, 17:00 (Asia/Jakarta)."),
    (
        "promise.revised",
        {"old_due_at": DUE, "due_at": "2026-05-07T10:00:00Z", "reason": "supplier_delay"},
        "The promised date moved from 6 May 2026, 17:00 (Asia/Jakarta) to 7 May 2026, 17:00 (Asia/Jakarta): supplier delay.",
    ),
    (
        "promise.broken",
        {"due_at": DUE},
        "The promised date, 6 May 2026, 17:00 (Asia/Jakarta), passed without an answer.",
    ),
    (
        "promise.made",
        {"due_at": DUE, "subject": "next_update"},
        "We will write again by 6 May 2026, 17:00 (Asia/Jakarta).",
    ),
    (
        "promise.made",
        {"due_at": DUE, "subject": "action"},
        "What was agreed is to be done by 6 May 2026, 17:00 (Asia/Jakarta).",
    ),
    (
        "promise.revised",
        {"old_due_at": DUE, "due_at": "2026-05-07T10:00:00Z", "reason": "workload", "subject": "next_update"},
        "The date by which we write again moved from 6 May 2026, 17:00 (Asia/Jakarta) to 7 May 2026, 17:00 (Asia/Jakarta): workload.",
    ),
    ("promise.kept", {}, "The promised date was kept."),
    ("promise.kept", {"subject": "next_update"}, "We wrote by the date we had named."),
    (
        "promise.broken",
        {"due_at": DUE, "subject": "action"},
        "What was agreed was to be done by 6 May 2026, 17:00 (Asia/Jakarta), and was not.",
    ),
    (
        "complaint.milestone_recorded",
        {"milestone": "settled", "occurred_at": "2026-05-04T00:00:00Z"},
        "The customer accepted the outcome.",
    ),
    (
        "complaint.milestone_recorded",
        {"milestone": "ombudsman_asked", "occurred_at": "2026-05-01T03:15:00Z"},
        "The ombudsman asked us about it, on 1 May 2026, 10:15 (Asia/Jakarta).",
    ),
    (
        "message.accepted",
        {"message_kind": "acknowledgement"},
        "The customer was told: the confirmation that we have the complaint.",
    ),
    (
        "complaint.progress_recorded",
        {"state": "investigating", "expected_at": DUE},
        "We are looking into it; an outcome is now expected by 6 May 2026, 17:00 (Asia/Jakarta).",
    ),
    ("complaint.feedback_given", {"fixed": False}, "The customer says it is not fixed."),
    ("something.new_here", {}, "something new here."),
]


def entry(kind: str, facts: dict[str, Any], **changes: Any) -> TimelineEntry:
    return TimelineEntry(at=datetime(2026, 5, 4, tzinfo=UTC), kind=kind, facts=facts, **changes)


@pytest.mark.parametrize(("kind", "facts", "expected"), ENTRIES)
def test_a_timeline_entry_is_formatted_as_a_sentence(kind: str, facts: dict[str, Any], expected: str) -> None:
    assert format_sentence(entry(kind, facts), "Asia/Jakarta") == expected


def test_the_name_of_a_handler_is_shown_if_present() -> None:
    assert (
        format_sentence(entry("complaint.assigned", {"team": "care"}, words="Handler 3"), None)
        == "Handler 3 of care looks after it."
    )


def test_sentences_contain_no_severity_signals_or_internal_reasons() -> None:
    sentences = " ".join(format_sentence(entry(kind, facts), "Asia/Jakarta") for kind, facts, _ in ENTRIES)
    assert "critical" not in sentences
    assert "abuse" not in sentences


def test_every_published_and_subscribed_event_has_a_sentence() -> None:
    kinds = {fact.kind for fact in (*INTAKE.publishes, *INTAKE.subscribes)} - {Merged.kind}
    assert kinds == set(SENTENCES)


@pytest.mark.parametrize(
    ("table", "codes"),
    [
        (CHANNELS, Channel),
        (PROGRESS, ProgressState),
        (OUTCOMES, Outcome),
        (MESSAGES, MessageKind),
        (MILESTONES, Milestone),
        *((table, PromiseSubject) for table in (PROMISE_MADE, PROMISE_MOVED, PROMISE_KEPT, PROMISE_BROKEN)),
    ],
)
def test_every_code_has_a_text(table: dict[str, str], codes: Any) -> None:
    assert set(table) == set(get_args(codes))
