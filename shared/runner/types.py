"""Inputs and results of a `decide` function. All are plain values; the runner does the I/O."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

from pydantic import Field

from shared.contracts.envelope import ComplaintId, Event, FrozenModel, NewEvent


class State(FrozenModel):
    """State of one complaint in one service. `last_sequence` and `version` are maintained by the runner."""

    complaint_id: ComplaintId
    last_sequence: int = Field(default=0, alias="said")  # of the events that the service published about it
    version: int = 0  # how often the row was written; detects a lost update


@dataclass(frozen=True, slots=True)
class Context:
    """Knowledge of a decision besides state and input. `now` is the database's clock, aware UTC."""

    now: datetime


@dataclass(frozen=True, slots=True)
class Tick:
    """Input for a complaint whose timer (`due_at`) is due."""

    now: datetime


@dataclass(frozen=True, slots=True)
class Command:
    """Request for a change, from HTTP or from a worker of the service; subclasses add the details."""

    complaint_id: ComplaintId


Input = Event[Any] | Tick | Command
StateT = TypeVar("StateT", bound=State)
ContextT = TypeVar("ContextT", bound=Context)


class DueTimer(NamedTuple, Generic[StateT]):
    """Due timer of a complaint: the state, when the timer was due, and the database's time when it was claimed."""

    state: StateT
    due_at: datetime
    now: datetime


@dataclass(frozen=True, slots=True)
class Decision(Generic[StateT, ContextT]):
    """Result of a `decide`: the new state, the events to publish, and the context for the next decision of the batch.

    `state` None: nothing has to be stored. `context` None: the context is unchanged.
    """

    state: StateT | None
    events: tuple[NewEvent[Any], ...] = ()
    context: ContextT | None = None


class Decide(Protocol[StateT, ContextT]):
    """Decision function of a service: pure, without I/O, clock or randomness."""

    def __call__(self, state: StateT | None, input_: Input, context: ContextT, /) -> Decision[StateT, ContextT]:
        """Decide one input. Raises `Rejected` if the input is not possible in this state."""
