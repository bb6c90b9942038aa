"""What goes into a `decide` and what comes out of it. Pure values; the runner does the rest."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

import asyncpg

from shared.contracts.envelope import ComplaintId, Event, FrozenModel, NewEvent
from shared.contracts.topics import Service


class State(FrozenModel):
    """What a service remembers of one complaint. `said` and `version` belong to the runner."""

    complaint_id: ComplaintId
    said: int = 0  # sequence of the last event said about this complaint
    version: int = 0  # how often the row was written; guards against a lost update


@dataclass(frozen=True, slots=True)
class Context:
    """What a `decide` may know besides state and input. `now` is the database's clock, aware UTC."""

    now: datetime


@dataclass(frozen=True, slots=True)
class Tick:
    """Time passed for a complaint whose `due_at` was reached."""

    now: datetime


@dataclass(frozen=True, slots=True)
class Command:
    """Something asked over HTTP or by a worker of the service; subclasses carry the rest."""

    complaint_id: ComplaintId


Input = Event[Any] | Tick | Command
StateT = TypeVar("StateT", bound=State)
ContextT = TypeVar("ContextT", bound=Context)


class DueTimer(NamedTuple, Generic[StateT]):
    """A complaint whose time has come: its state, when that was, and what the database's clock says now."""

    state: StateT
    at: datetime
    now: datetime


@dataclass(frozen=True, slots=True)
class Decision(Generic[StateT, ContextT]):
    """The new state, what to say, and the context as this decision leaves it for the next (None: unchanged).

    `state` None: nothing is known yet and nothing is worth remembering.
    """

    state: StateT | None
    events: tuple[NewEvent[Any], ...] = ()
    context: ContextT | None = None


class Decide(Protocol[StateT, ContextT]):
    """The heart of a service: pure, no I/O, no clock, no randomness. Raises `Rejected` where nothing may change."""

    def __call__(self, state: StateT | None, given: Input, context: ContextT) -> Decision[StateT, ContextT]: ...


class Store(Protocol[StateT, ContextT]):
    """A service's states on PostgreSQL. Everything runs inside the runner's transaction."""

    def prepare(self, inputs: Sequence[Input]) -> Any:
        """Work on the batch that needs no database, before the transaction (e.g. classify all texts)."""

    async def context(self, conn: asyncpg.Connection, now: datetime, prepared: Any) -> ContextT:
        """What the decisions of this batch may know."""

    async def load(self, conn: asyncpg.Connection, ids: Sequence[ComplaintId]) -> Mapping[ComplaintId, StateT]:
        """All known states of these complaints in one query, rows locked in id order."""

    async def save(self, conn: asyncpg.Connection, states: Sequence[StateT], context: ContextT) -> None:
        """All changed states, one statement per table."""

    def due_at(self, state: StateT) -> datetime | None:
        """When time alone will next have something to say of this complaint; None: never, as far as is known."""

    async def next_due(self, conn: asyncpg.Connection) -> float | None:
        """Seconds until the next complaint is due, by the database's clock; 0 or less: now. None: there is none."""

    async def due(self, conn: asyncpg.Connection, limit: int) -> Sequence[DueTimer[StateT]]:
        """Claim up to `limit` complaints whose time has come, rows locked, skipping those that others hold."""

    async def put_off(self, conn: asyncpg.Connection, ids: Sequence[ComplaintId], now: datetime) -> None:
        """Move timers away whose ticks failed or changed nothing, so that they cannot starve the others."""


@dataclass(frozen=True, slots=True)
class ServiceSpec(Generic[StateT, ContextT]):
    """A service as the runner knows it: who it is, how it decides, where its states are."""

    service: Service
    decide: Decide[StateT, ContextT]
    store: Store[StateT, ContextT]
