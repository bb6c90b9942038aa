"""Builders of commands for intake, valid by default and changed by keywords, and folds of them."""

from datetime import UTC, datetime, timedelta
from typing import Any

from services.intake.domain import (
    AddMessage,
    FileComplaint,
    IdempotencyKey,
    IntakeState,
    UpdateCommand,
    UpdateDecision,
    decide,
)
from shared.contracts import ComplaintId, Contact, Narrative
from shared.runner.types import Context, Decision, Input
from tests.factories import complaint_id

NOW = datetime(2026, 5, 4, 9, 30, tzinfo=UTC)
ID = complaint_id()


def file_complaint(**changes: Any) -> FileComplaint:
    fields: dict[str, Any] = {
        "reference": "RC-7K3M-9QPX-5",
        "client": "shop",
        "channel": "web",
        "received_at": NOW - timedelta(minutes=2),
        "customer": Contact(
            name="Customer 12", email="customer12@example.org", locale="id-ID", timezone="Asia/Jakarta"
        ),
        "narrative": Narrative(subject="Kettle", text="It leaks.", attributes={"order": "A-1"}),
        "product": "Kettle",
    } | changes
    return FileComplaint(fields.pop("complaint_id", ID), **fields)


def file_on_behalf(**changes: Any) -> FileComplaint:
    other = Contact(name="Customer 13", phone="+6281234567890")
    return file_complaint(**{"represented": other, "authority": "parent"} | changes)


def idempotency_key(
    key: str = "k1", body: bytes = b"body", client: str = "shop", salt: bytes = b"s" * 16
) -> IdempotencyKey:
    return IdempotencyKey(client, key, body, salt)


def message(subject: ComplaintId = ID, **changes: Any) -> AddMessage:
    fields: dict[str, Any] = {"author": "customer", "text": "One more thing."} | changes
    return AddMessage(subject, **fields)


def state_after(*inputs: Input, state: IntakeState | None = None, now: datetime = NOW) -> IntakeState:
    """Return the state after all inputs, each decided one second after the previous one."""
    for n, input_ in enumerate(inputs):
        state = decide(state, input_, Context(now + timedelta(seconds=n))).state
    assert state is not None
    return state


def decide_update(state: IntakeState | None, command: UpdateCommand, now: datetime = NOW) -> UpdateDecision:
    decision: Decision[IntakeState, Context] = decide(state, command, Context(now))
    assert isinstance(decision, UpdateDecision)
    return decision
