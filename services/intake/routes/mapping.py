"""From what others say to what `decide` is asked. Identity and chance enter here; nothing is decided."""

import os
from dataclasses import replace
from datetime import datetime
from typing import Any

from pydantic import BaseModel
from uuid_utils.compat import uuid7

from services.intake import domain as d
from services.intake import forms as f
from services.intake.domain.idempotency import SALT_BYTES
from services.intake.domain.reference import SPACE, mint
from shared.contracts import ComplaintId, Contact, Narrative
from shared.contracts.events import Redress


def new_reference() -> str:
    """One that nobody can guess from another."""
    return mint(int.from_bytes(os.urandom(8)) % SPACE)


def renamed(given: d.FileComplaint) -> d.FileComplaint:
    """The same complaint under another reference."""
    return replace(given, reference=new_reference())


def asked(client: str, key: str | None, form: BaseModel, what: bytes = b"") -> d.IdempotencyKey | None:
    """What makes the request safe to repeat. The body counts by its content: white space and order do not matter."""
    if key is None:
        return None
    body = form.__pydantic_serializer__.to_json(form, exclude_none=True, exclude={"idempotency_key"})
    return d.IdempotencyKey(client, key, what + body, os.urandom(SALT_BYTES))


def to_file(given: f.ComplaintForm, client: str, now: datetime) -> d.FileComplaint:
    """A complaint with its identity; `received_at` is now where the client does not say."""
    customer, other = given.customer, given.on_behalf_of
    return d.FileComplaint(
        complaint_id=ComplaintId(uuid7()),
        reference=new_reference(),
        client=client,
        channel=given.channel,
        received_at=given.received_at or now,
        customer=Contact(
            name=customer.name,
            email=customer.email,
            phone=customer.phone,
            locale=customer.locale,
            timezone=customer.timezone,
        ),
        narrative=Narrative(
            subject=given.subject,
            text=given.narrative,
            expected_outcome=given.expected_outcome,
            attributes=given.attributes,
        ),
        product=given.product,
        represented=Contact(name=other.name, email=other.email, phone=other.phone) if other else None,
        authority=other.authority if other else None,
    )


def to_message(complaint: ComplaintId, form: f.MessageForm, asked: d.IdempotencyKey | None) -> d.UpdateCommand:
    """Words."""
    return d.AddMessage(complaint, asked=asked, author=form.author, text=form.text, public=form.public)


def to_progress(complaint: ComplaintId, form: f.ProgressForm, asked: d.IdempotencyKey | None) -> d.UpdateCommand:
    """How far it is."""
    return d.RecordProgress(
        complaint, asked=asked, state=form.state, note=form.note, expected_at=form.expected_at, reason=form.reason
    )


def to_resolution(complaint: ComplaintId, form: f.ResolutionForm, asked: d.IdempotencyKey | None) -> d.UpdateCommand:
    """The answer."""
    return d.Resolve(
        complaint,
        asked=asked,
        outcome=form.outcome,
        explanation=form.explanation,
        redress=tuple(Redress(**_fields(one)) for one in form.redress),
        root_cause=form.root_cause,
        resolved_at=form.resolved_at,
    )


def to_milestone(complaint: ComplaintId, form: f.MilestoneForm, asked: d.IdempotencyKey | None) -> d.UpdateCommand:
    """A step that was reached."""
    return d.RecordMilestone(
        complaint,
        asked=asked,
        milestone=form.milestone,
        occurred_at=form.occurred_at,
        item=form.item or "",
        note=form.note,
    )


def to_reopening(complaint: ComplaintId, form: f.ReopeningForm, asked: d.IdempotencyKey | None) -> d.UpdateCommand:
    """Once more."""
    return d.Reopen(complaint, asked=asked, by=form.by, reason=form.reason)


def to_withdrawal(complaint: ComplaintId, form: f.WithdrawalForm, asked: d.IdempotencyKey | None) -> d.UpdateCommand:
    """No more."""
    return d.Withdraw(complaint, asked=asked, reason=form.reason)


def to_feedback(complaint: ComplaintId, form: f.FeedbackForm, asked: d.IdempotencyKey | None) -> d.UpdateCommand:
    """Was it really fixed."""
    return d.GiveFeedback(complaint, asked=asked, fixed=form.fixed, score=form.score, words=form.words)


def _fields(form: BaseModel) -> dict[str, Any]:
    return dict(form)
