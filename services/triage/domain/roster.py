"""Who has how many open cases, as a value that every decision of a batch hands to the next."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from services.triage.rulebook.model import Handler, Team


@dataclass(frozen=True, slots=True)
class Roster:
    """`open_cases` per handler id as loaded and then decided; `changes` is what to add to the stored counts."""

    teams: Mapping[str, Team]
    open_cases: Mapping[str, int] = field(default_factory=dict)
    changes: Mapping[str, int] = field(default_factory=dict)

    def take(self, handler: str | None) -> "Roster":
        """One more open case for the handler; nobody takes nothing."""
        return self._add(handler, 1)

    def free(self, handler: str | None) -> "Roster":
        """One less open case for the handler."""
        return self._add(handler, -1)

    def load(self, handler: str) -> int:
        """Open cases of the handler."""
        return self.open_cases.get(handler, 0)

    def member(self, team: str, handler: str | None) -> Handler | None:
        """The handler, if they are in that team."""
        return next((one for one in self._members(team) if one.id == handler), None)

    def least_loaded(self, team: str) -> Handler | None:
        """Who has most room for their capacity; the id breaks ties. None when nobody has room for one more."""
        free = [one for one in self._members(team) if self.load(one.id) < one.capacity]
        return min(free, key=lambda one: (self.load(one.id) / one.capacity, self.load(one.id), one.id), default=None)

    def _members(self, team: str) -> tuple[Handler, ...]:
        """Nobody, where a newer rulebook dropped a team that still has cases."""
        known = self.teams.get(team)
        return known.handlers if known else ()

    def _add(self, handler: str | None, number: int) -> "Roster":
        if handler is None:
            return self
        return replace(
            self,
            open_cases={**self.open_cases, handler: self.load(handler) + number},
            changes={**self.changes, handler: self.changes.get(handler, 0) + number},
        )
