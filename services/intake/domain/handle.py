"""Somebody states a fact about a complaint: may it be, what does it change, and what do we say about it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from services.intake.domain import commands as c
from services.intake.domain.create import COMPLAINANT, CUSTOMER, HANDLER
from services.intake.domain.idempotency import IdempotencyKeyReused, IdempotencyRecord, Status
from services.intake.domain.lifecycle import Move, after
from services.intake.domain.state import FeedbackRecord, IntakeState, ResolutionRecord, TimelineEntry
from shared.contracts import events as e
from shared.contracts.envelope import Fact, Narrative, NewEvent, Party, PartyId, PersonalNarrative
from shared.errors import ImplausibleTime, Rejected
from shared.runner.types import Context, Decision

RECEIPTS_MAX = 100  # facts of one complaint whose keys are remembered


@dataclass(frozen=True, slots=True)
class Answered(Decision[IntakeState, Context]):
    """A decision with what the one who asked is told."""

    status: Status = "unknown"
    recorded_at: datetime | None = None
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class StateChange:
    """What one fact comes to: the move, the facts to say with one text, and the fields that become different."""

    move: Move
    facts: tuple[Fact, ...]
    words: str | None = field(default=None, repr=False)
    author: PartyId = CUSTOMER
    public: bool = True
    update: dict[str, Any] = field(default_factory=dict)


def state_fact(state: IntakeState, given: c.UpdateCommand, context: Context) -> Answered:
    """Apply the fact, or repeat the answer it had before. Raises `Rejected` where it cannot be."""
    if (asked := given.asked) and (known := state.receipt(asked.client, asked.key)):
        if not asked.opens(bytes.fromhex(known.seal)):
            raise IdempotencyKeyReused
        return Answered(state, status=known.status, recorded_at=known.recorded_at, replayed=True)
    change = _change(state, given, context.now)
    changed = _apply(state, change, context.now)
    if asked:
        receipt = IdempotencyRecord(
            client=asked.client,
            key=asked.key,
            seal=asked.seal.hex(),
            status=changed.status,
            recorded_at=context.now,
        )
        changed = changed.model_copy(update={"receipts": (*state.receipts, receipt)[-RECEIPTS_MAX:]})
    return Answered(changed, events=_says(change), status=changed.status, recorded_at=context.now)


def _apply(state: IntakeState, change: StateChange, now: datetime) -> IntakeState:
    stage = after(state.stage, change.move)
    cycle = state.cycle + (stage == "reopened" and state.stage != "reopened")
    entries = tuple(
        TimelineEntry(
            at=now,
            kind=facts.kind,
            facts=facts.model_dump(mode="json", exclude_none=True),
            words=change.words if first else None,
            public=change.public,
        )
        for first, facts in zip((True, *(False,) * len(change.facts)), change.facts, strict=False)
    )
    return state.model_copy(update={**change.update, "stage": stage, "cycle": cycle, "fresh": (*state.fresh, *entries)})


def _says(change: StateChange) -> tuple[NewEvent[Any], ...]:
    parties: tuple[Party, ...] = (COMPLAINANT,)
    if change.author == HANDLER:
        parties = (COMPLAINANT, Party(id=HANDLER, role="handler"))
    told = (PersonalNarrative(party=change.author, fields=Narrative(text=change.words)),) if change.words else ()
    first, *rest = change.facts
    return (
        NewEvent(facts=first, parties=parties, personal=told),
        *(NewEvent(facts=one, parties=(COMPLAINANT,)) for one in rest),
    )


def _change(state: IntakeState, given: c.UpdateCommand, now: datetime) -> StateChange:
    change = _CHANGES.get(type(given))
    if change is None:
        raise Rejected(f"expected a fact that intake knows, got {type(given).__name__}")
    return change(state, given, now)


def _party(author: c.Author) -> PartyId:
    return CUSTOMER if author == "customer" else HANDLER


def _message(state: IntakeState, given: c.AddMessage, _: datetime) -> StateChange:
    return StateChange(
        "customer_message" if given.author == "customer" else "handler_message",
        (e.MessageAdded(author=given.author, public=given.public),),
        given.text,
        _party(given.author),
        given.public,
        {"messages": state.messages + 1},
    )


def _progress(_: IntakeState, given: c.RecordProgress, now: datetime) -> StateChange:
    if given.expected_at is not None and given.expected_at <= now:
        raise ImplausibleTime("expected_at", "a time that is still to come")
    facts = e.ProgressRecorded(state=given.state, expected_at=given.expected_at, reason=given.reason)
    return StateChange(given.state, (facts,), given.note, HANDLER)


def _resolve(state: IntakeState, given: c.Resolve, now: datetime) -> StateChange:
    resolved_at = given.resolved_at or now
    if state.filed and resolved_at < state.filed.received_at:
        raise ImplausibleTime("resolved_at", "a time after the complaint was received")
    facts = e.Resolved(
        outcome=given.outcome, resolved_at=resolved_at, redress=given.redress, root_cause=given.root_cause
    )
    resolution = ResolutionRecord(explanation=given.explanation, **dict(facts))
    return StateChange(
        "resolve", (facts,), given.explanation, HANDLER, update={"resolution": resolution, "feedback": None}
    )


def _milestone(state: IntakeState, given: c.RecordMilestone, now: datetime) -> StateChange:
    told_at = given.occurred_at
    if told_at and state.filed and told_at < state.filed.received_at:
        raise ImplausibleTime("occurred_at", "a time after the complaint was received")
    # The form lets clocks differ by minutes; what we say has happened by the time we say it.
    occurred_at = min(told_at, now) if told_at else now
    facts = e.MilestoneRecorded(milestone=given.milestone, occurred_at=occurred_at, item=given.item)
    return StateChange(given.milestone, (facts,), given.note, HANDLER)


def _reopen(_: IntakeState, given: c.Reopen, __: datetime) -> StateChange:
    return StateChange("reopen", (e.Reopened(by=given.by),), given.reason, _party(given.by))


def _withdraw(_: IntakeState, given: c.Withdraw, __: datetime) -> StateChange:
    return StateChange("withdraw", (e.Withdrawn(),), given.reason)


def _feedback(_: IntakeState, given: c.GiveFeedback, __: datetime) -> StateChange:
    facts = e.FeedbackGiven(fixed=given.fixed, score=given.score)
    kept = {"feedback": FeedbackRecord(fixed=given.fixed, score=given.score, words=given.words)}
    if given.fixed:
        return StateChange("fixed", (facts,), given.words, update=kept)
    return StateChange("not_fixed", (facts, e.Reopened(by="customer")), given.words, update=kept)


_CHANGES: Final[Mapping[type[c.UpdateCommand], Callable[[IntakeState, Any, datetime], StateChange]]] = {
    c.AddMessage: _message,
    c.RecordProgress: _progress,
    c.Resolve: _resolve,
    c.RecordMilestone: _milestone,
    c.Reopen: _reopen,
    c.Withdraw: _withdraw,
    c.GiveFeedback: _feedback,
}
