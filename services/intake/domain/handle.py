"""Command handlers: check a command against the life cycle and return the new state and its events."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from services.intake.domain import commands as c
from services.intake.domain.context import IntakeContext
from services.intake.domain.create import COMPLAINANT, CUSTOMER, HANDLER
from services.intake.domain.idempotency import IdempotencyKey, IdempotencyKeyReused, IdempotencyRecord, Status
from services.intake.domain.lifecycle import Move, apply_move
from services.intake.domain.state import FeedbackRecord, IntakeState, ResolutionRecord, TimelineEntry
from shared.contracts import events as e
from shared.contracts.envelope import Fact, Narrative, NewEvent, Party, PartyId, PersonalNarrative
from shared.errors import ImplausibleTime, Rejected
from shared.runner.types import Decision

KEYS_MAX = 100  # idempotency keys that are kept per complaint; the oldest are dropped


@dataclass(frozen=True, slots=True)
class UpdateDecision(Decision[IntakeState, IntakeContext]):
    """Decision about a command, with the answer for its client."""

    status: Status = "unknown"
    recorded_at: datetime | None = None
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class StateChange:
    """Effect of one command: the move, the facts to publish, and the changed fields of the state.

    `words` is a text written by `author`; it is published with the first fact.
    """

    move: Move
    facts: tuple[Fact, ...]
    words: str | None = field(default=None, repr=False)
    author: PartyId = CUSTOMER
    public: bool = True
    update: dict[str, Any] = field(default_factory=dict)


def handle(state: IntakeState, command: c.UpdateCommand, context: IntakeContext) -> UpdateDecision:
    """Decide about a command, or repeat the earlier answer to its idempotency key.

    Raises `IllegalMove`, `ImplausibleTime` or `IdempotencyKeyReused`.
    """
    key = command.idempotency_key
    if key and (record := state.find_record(key.client, key.key)):
        if not key.matches(bytes.fromhex(record.seal)):
            raise IdempotencyKeyReused
        return UpdateDecision(state, status=record.status, recorded_at=record.recorded_at, replayed=True)
    change = _change(state, command, context.now)
    changed = _apply_change(state, change, context.now)
    if key:
        changed = _remember_key(changed, key, context.now)
    return UpdateDecision(changed, events=_new_events(change), status=changed.status, recorded_at=context.now)


def _apply_change(state: IntakeState, change: StateChange, now: datetime) -> IntakeState:
    stage = apply_move(state.stage, change.move)
    cycle = state.cycle + (stage == "reopened" and state.stage != "reopened")
    entries = tuple(
        TimelineEntry(
            at=now,
            kind=facts.kind,
            facts=facts.model_dump(mode="json", exclude_none=True),
            words=change.words if position == 0 else None,
            public=change.public,
        )
        for position, facts in enumerate(change.facts)
    )
    return state.model_copy(
        update={**change.update, "stage": stage, "cycle": cycle, "new_entries": (*state.new_entries, *entries)}
    )


def _remember_key(state: IntakeState, key: IdempotencyKey, now: datetime) -> IntakeState:
    record = IdempotencyRecord(
        client=key.client, key=key.key, seal=key.seal.hex(), status=state.status, recorded_at=now
    )
    return state.model_copy(update={"idempotency": (*state.idempotency, record)[-KEYS_MAX:]})


def _new_events(change: StateChange) -> tuple[NewEvent[Any], ...]:
    parties: tuple[Party, ...] = (COMPLAINANT,)
    if change.author == HANDLER:
        parties = (COMPLAINANT, Party(id=HANDLER, role="handler"))
    personal = (PersonalNarrative(party=change.author, fields=Narrative(text=change.words)),) if change.words else ()
    first, *others = change.facts
    return (
        NewEvent(facts=first, parties=parties, personal=personal),
        *(NewEvent(facts=facts, parties=(COMPLAINANT,)) for facts in others),
    )


def _change(state: IntakeState, command: c.UpdateCommand, now: datetime) -> StateChange:
    handler = _HANDLERS.get(type(command))
    if handler is None:
        raise Rejected(f"expected a command of intake, got {type(command).__name__}")
    return handler(state, command, now)


def _party(author: c.Author) -> PartyId:
    return CUSTOMER if author == "customer" else HANDLER


def _add_message(state: IntakeState, command: c.AddMessage, _: datetime) -> StateChange:
    return StateChange(
        "customer_message" if command.author == "customer" else "handler_message",
        (e.MessageAdded(author=command.author, public=command.public),),
        command.text,
        _party(command.author),
        command.public,
        {"messages": state.messages + 1},
    )


def _record_progress(_: IntakeState, command: c.RecordProgress, now: datetime) -> StateChange:
    if command.expected_at is not None and command.expected_at <= now:
        raise ImplausibleTime("expected_at", "a time that is still to come")
    facts = e.ProgressRecorded(state=command.state, expected_at=command.expected_at, reason=command.reason)
    return StateChange(command.state, (facts,), command.note, HANDLER)


def _resolve(state: IntakeState, command: c.Resolve, now: datetime) -> StateChange:
    resolved_at = command.resolved_at or now
    if state.filed and resolved_at < state.filed.received_at:
        raise ImplausibleTime("resolved_at", "a time after the complaint was received")
    facts = e.Resolved(
        outcome=command.outcome, resolved_at=resolved_at, redress=command.redress, root_cause=command.root_cause
    )
    resolution = ResolutionRecord(explanation=command.explanation, **dict(facts))
    return StateChange(
        "resolve", (facts,), command.explanation, HANDLER, update={"resolution": resolution, "feedback": None}
    )


def _record_milestone(state: IntakeState, command: c.RecordMilestone, now: datetime) -> StateChange:
    reported_at = command.occurred_at
    if reported_at and state.filed and reported_at < state.filed.received_at:
        raise ImplausibleTime("occurred_at", "a time after the complaint was received")
    # The form accepts times a few minutes ahead, because clocks differ. A published time is never in the future.
    occurred_at = min(reported_at, now) if reported_at else now
    facts = e.MilestoneRecorded(milestone=command.milestone, occurred_at=occurred_at, item=command.item)
    return StateChange(command.milestone, (facts,), command.note, HANDLER)


def _reopen(_: IntakeState, command: c.Reopen, __: datetime) -> StateChange:
    return StateChange("reopen", (e.Reopened(by=command.by),), command.reason, _party(command.by))


def _withdraw(_: IntakeState, command: c.Withdraw, __: datetime) -> StateChange:
    return StateChange("withdraw", (e.Withdrawn(),), command.reason)


def _give_feedback(_: IntakeState, command: c.GiveFeedback, __: datetime) -> StateChange:
    facts = e.FeedbackGiven(fixed=command.fixed, score=command.score)
    update = {"feedback": FeedbackRecord(fixed=command.fixed, score=command.score, words=command.words)}
    if command.fixed:
        return StateChange("fixed", (facts,), command.words, update=update)
    return StateChange("not_fixed", (facts, e.Reopened(by="customer")), command.words, update=update)


_HANDLERS: Final[Mapping[type[c.UpdateCommand], Callable[[IntakeState, Any, datetime], StateChange]]] = {
    c.AddMessage: _add_message,
    c.RecordProgress: _record_progress,
    c.Resolve: _resolve,
    c.RecordMilestone: _record_milestone,
    c.Reopen: _reopen,
    c.Withdraw: _withdraw,
    c.GiveFeedback: _give_feedback,
}
