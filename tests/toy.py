"""Smallest possible service, for tests of the runner: its state collects the references of events."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
from aiokafka import ConsumerRecord

from shared.contracts import TRIAGE, ComplaintId, Event, NewEvent
from shared.contracts.events import Assigned, ComplaintReceived
from shared.errors import Rejected
from shared.runner.spec import ServiceSpec
from shared.runner.state_store import StateStore
from shared.runner.types import Command, Context, Decision, Input, State, Tick
from tests.factories import complaint_id, event, received, record

SCHEMA = Path(__file__).parent / "toy_schema"


class ToyState(State):
    words: tuple[str, ...] = ()
    due_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Add(Command):
    word: str


def decide(state: ToyState | None, input_: Input, context: Context) -> Decision[ToyState, Context]:
    match input_:
        case Event():
            facts = input_.facts
            word = facts.reference if isinstance(facts, ComplaintReceived) else facts.kind
            if word == "BROKEN":
                raise Rejected("this one is broken")
            if word == "BUG":
                raise ZeroDivisionError
            base = state or ToyState(complaint_id=input_.subject)
            due = context.now + timedelta(hours=1) if word == "LATER" else base.due_at
            due = context.now - timedelta(seconds=1) if word == "NOW" else due
            text = "x" * 2_000_000 if word == "HUGE" else word
            if word == "NUL":
                text = "nul\x00"
            return Decision(base.model_copy(update={"words": (*base.words, text), "due_at": due}), _make_events(word))
        case Tick():
            assert state is not None
            if "TICKBUG" in state.words:
                raise ZeroDivisionError
            if "STAYS" in state.words:
                return Decision(state)
            return Decision(
                state.model_copy(update={"words": (*state.words, "tick"), "due_at": None}), _make_events("tick")
            )
        case Add():
            if state is None:
                raise Rejected("unknown")
            return Decision(state.model_copy(update={"words": (*state.words, input_.word)}), _make_events(input_.word))
        case _:
            raise AssertionError


def _make_events(word: str) -> tuple[NewEvent[Any], ...]:
    return (NewEvent(facts=Assigned(team="t" * 950_000 if word == "HUGE" else word)),)


class ToyStore(StateStore[ToyState, Context]):
    def __init__(self) -> None:
        super().__init__(ToyState, promoted={"due_at": "timestamptz"}, promote=lambda state: (state.due_at,))

    async def load_words(self, conn: asyncpg.Connection, subject: ComplaintId) -> tuple[str, ...]:
        states = await self.load(conn, [subject])
        return states[subject].words if subject in states else ()


def toy() -> ServiceSpec[ToyState, Context]:
    return ServiceSpec(TRIAGE, decide, ToyStore())


def make_records(*words: str) -> tuple[ComplaintId, list[ConsumerRecord]]:
    """Return a new complaint id and a record with an event for each word."""
    subject = complaint_id()
    events = [event(received(reference=word), subject=subject, sequence=n) for n, word in enumerate(words, 1)]
    return subject, [record(event_, offset=n) for n, event_ in enumerate(events)]
