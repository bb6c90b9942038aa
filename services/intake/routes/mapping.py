"""Mapping of forms to commands. Ids, references and salts are drawn here; nothing is decided."""

import os
from datetime import datetime

from pydantic import BaseModel
from uuid_utils.compat import uuid7

from services.intake import domain as d
from services.intake import forms as f
from services.intake.domain.idempotency import SALT_BYTES
from services.intake.store import new_reference
from shared.contracts import ComplaintId, Contact, Narrative
from shared.contracts.events import Redress


def idempotency_key(client: str, key: str | None, form: BaseModel, prefix: bytes = b"") -> d.IdempotencyKey | None:
    """Return the key with a normalised body, in which white space and the order of fields do not count.

    `prefix` distinguishes endpoints that take the same body.
    """
    if key is None:
        return None
    body = form.__pydantic_serializer__.to_json(form, exclude_none=True, exclude={"idempotency_key"})
    return d.IdempotencyKey(client, key, prefix + body, os.urandom(SALT_BYTES))


def to_create(form: f.ComplaintForm, client: str, now: datetime) -> d.FileComplaint:
    """Map a complaint to the `FileComplaint` command; `received_at` is `now` if the client sends none."""
    customer, represented = form.customer, form.on_behalf_of
    return d.FileComplaint(
        complaint_id=ComplaintId(uuid7()),
        reference=new_reference(),
        client=client,
        channel=form.channel,
        received_at=form.received_at or now,
        customer=Contact(
            name=customer.name,
            email=customer.email,
            phone=customer.phone,
            locale=customer.locale,
            timezone=customer.timezone,
        ),
        narrative=Narrative(
            subject=form.subject,
            text=form.narrative,
            expected_outcome=form.expected_outcome,
            attributes=form.attributes,
        ),
        product=form.product,
        represented=Contact(name=represented.name, email=represented.email, phone=represented.phone)
        if represented
        else None,
        authority=represented.authority if represented else None,
    )


def to_message(complaint: ComplaintId, form: f.MessageForm, key: d.IdempotencyKey | None) -> d.UpdateCommand:
    """Map a message request to the `AddMessage` command."""
    return d.AddMessage(complaint, idempotency_key=key, author=form.author, text=form.text, public=form.public)


def to_progress(complaint: ComplaintId, form: f.ProgressForm, key: d.IdempotencyKey | None) -> d.UpdateCommand:
    """Map a progress request to the `RecordProgress` command."""
    return d.RecordProgress(
        complaint,
        idempotency_key=key,
        state=form.state,
        note=form.note,
        expected_at=form.expected_at,
        reason=form.reason,
    )


def to_resolution(complaint: ComplaintId, form: f.ResolutionForm, key: d.IdempotencyKey | None) -> d.UpdateCommand:
    """Map a resolution request to the `Resolve` command."""
    return d.Resolve(
        complaint,
        idempotency_key=key,
        outcome=form.outcome,
        explanation=form.explanation,
        redress=tuple(Redress(**dict(remedy)) for remedy in form.redress),
        root_cause=form.root_cause,
        resolved_at=form.resolved_at,
    )


def to_milestone(complaint: ComplaintId, form: f.MilestoneForm, key: d.IdempotencyKey | None) -> d.UpdateCommand:
    """Map a milestone request to the `RecordMilestone` command."""
    return d.RecordMilestone(
        complaint,
        idempotency_key=key,
        milestone=form.milestone,
        occurred_at=form.occurred_at,
        item=form.item or "",
        note=form.note,
    )


def to_reopening(complaint: ComplaintId, form: f.ReopeningForm, key: d.IdempotencyKey | None) -> d.UpdateCommand:
    """Map a reopen request to the `Reopen` command."""
    return d.Reopen(complaint, idempotency_key=key, by=form.by, reason=form.reason)


def to_withdrawal(complaint: ComplaintId, form: f.WithdrawalForm, key: d.IdempotencyKey | None) -> d.UpdateCommand:
    """Map a withdrawal request to the `Withdraw` command."""
    return d.Withdraw(complaint, idempotency_key=key, reason=form.reason)


def to_feedback(complaint: ComplaintId, form: f.FeedbackForm, key: d.IdempotencyKey | None) -> d.UpdateCommand:
    """Map a feedback request to the `GiveFeedback` command."""
    return d.GiveFeedback(complaint, idempotency_key=key, fixed=form.fixed, score=form.score, words=form.words)
