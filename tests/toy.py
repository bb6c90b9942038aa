"""The smallest possible service: it counts what it heard. Lets the runtime be tested without any complaint rule."""

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


class Counted(State):
    heard: tuple[str, ...] = ()
    due_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Add(Command):
    word: str


def decide(state: Counted | None, given: Input, context: Context) -> Decision[Counted, Context]:
    match given:
        case Event():
            facts = given.facts
            word = facts.reference if isinstance(facts, ComplaintReceived) else facts.kind
            if word == "BROKEN":
                raise Rejected("this one is broken")
            if word == "BUG":
                raise ZeroDivisionError
            base = state or Counted(complaint_id=given.subject)
            due = context.now + timedelta(hours=1) if word == "LATER" else base.due_at
            due = context.now - timedelta(seconds=1) if word == "NOW" else due
            text = "x" * 2_000_000 if word == "HUGE" else word
            if word == "NUL":
                text = "nul\x00"
            return Decision(base.model_copy(update={"heard": (*base.heard, text), "due_at": due}), _say(word))
        case Tick():
            assert state is not None
            if "TICKBUG" in state.heard:
                raise ZeroDivisionError
            if "STAYS" in state.heard:
                return Decision(state)
            return Decision(state.model_copy(update={"heard": (*state.heard, "tick"), "due_at": None}), _say("tick"))
        case Add():
            if state is None:
                raise Rejected("unknown")
            return Decision(state.model_copy(update={"heard": (*state.heard, given.word)}), _say(given.word))
        case _:
            raise AssertionError


def _say(word: str) -> tuple[NewEvent[Any], ...]:
    return (NewEvent(facts=Assigned(team="t" * 950_000 if word == "HUGE" else word)),)


class ToyStore(StateStore[Counted, Context]):
    def __init__(self) -> None:
        super().__init__(Counted, promoted={"due_at": "timestamptz"}, promote=lambda state: (state.due_at,))

    async def heard(self, conn: asyncpg.Connection, subject: ComplaintId) -> tuple[str, ...]:
        states = await self.load(conn, [subject])
        return states[subject].heard if subject in states else ()


def toy() -> ServiceSpec[Counted, Context]:
    return ServiceSpec(TRIAGE, decide, ToyStore())


def words(*references: str) -> tuple[ComplaintId, list[ConsumerRecord]]:
    """A complaint, and one record for each word it is to be told."""
    subject = complaint_id()
    events = [event(received(reference=word), subject=subject, sequence=n) for n, word in enumerate(references, 1)]
    return subject, [record(one, offset=n) for n, one in enumerate(events)]
