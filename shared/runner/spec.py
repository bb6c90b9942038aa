"""Parts of a service that the runner works with."""

from dataclasses import dataclass
from typing import Generic

from shared.contracts.topics import Service
from shared.runner.state_store import StateStore
from shared.runner.types import ContextT, Decide, StateT


@dataclass(frozen=True, slots=True)
class ServiceSpec(Generic[StateT, ContextT]):
    """Description of a service for the runner: its topics, its decision function, its store."""

    service: Service
    decide: Decide[StateT, ContextT]
    store: StateStore[StateT, ContextT]
