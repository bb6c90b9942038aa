"""What goes into a `decide` and what comes out of it. Pure values; the runner does the rest."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

import asyncpg

from shared.contracts.envelope import ComplaintId, Event, Frozen, Say
from shared.contracts.topics import Service


class State(Frozen):
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
S = TypeVar("S", bound=State)
C = TypeVar("C", bound=Context)


class Due(NamedTuple, Generic[S]):
    """A complaint whose time has come: its state, when that was, and what the database's clock says now."""

    state: S
    at: datetime
    now: datetime


@dataclass(frozen=True, slots=True)
class Decision(Generic[S, C]):
    """The new state, what to say, and the context as this decision leaves it for the next (None: unchanged).

    `state` None: nothing is known yet and nothing is worth remembering.
    """

    state: S | None
    says: tuple[Say[Any], ...] = ()
    context: C | None = None


class Decide(Protocol[S, C]):
    """The heart of a service: pure, no I/O, no clock, no randomness. Raises `Rejected` where nothing may change."""

    def __call__(self, state: S | None, given: Input, context: C) -> Decision[S, C]: ...


class Store(Protocol[S, C]):
    """A service's states on PostgreSQL. Everything runs inside the runner's transaction."""

    def prepare(self, inputs: Sequence[Input]) -> Any:
        """Work on the batch that needs no database, before the transaction (e.g. classify all texts)."""

    async def context(self, conn: asyncpg.Connection, now: datetime, prepared: Any) -> C:
        """What the decisions of this batch may know."""

    async def load(self, conn: asyncpg.Connection, ids: Sequence[ComplaintId]) -> Mapping[ComplaintId, S]:
        """All known states of these complaints in one query, rows locked in id order."""

    async def save(self, conn: asyncpg.Connection, states: Sequence[S], context: C) -> None:
        """All changed states, one statement per table."""

    def due_at(self, state: S) -> datetime | None:
        """When time alone will next have something to say of this complaint; None: never, as far as is known."""

    async def next_due(self, conn: asyncpg.Connection) -> float | None:
        """Seconds until the next complaint is due, by the database's clock; 0 or less: now. None: there is none."""

    async def due(self, conn: asyncpg.Connection, limit: int) -> Sequence[Due[S]]:
        """Claim up to `limit` complaints whose time has come, rows locked, skipping those that others hold."""

    async def put_off(self, conn: asyncpg.Connection, ids: Sequence[ComplaintId], now: datetime) -> None:
        """Move timers away whose ticks failed or changed nothing, so that they cannot starve the others."""


@dataclass(frozen=True, slots=True)
class Fold(Generic[S, C]):
    """A service as the runner knows it: who it is, how it decides, where its states are."""

    service: Service
    decide: Decide[S, C]
    store: Store[S, C]
