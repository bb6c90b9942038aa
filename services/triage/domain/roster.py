"""Who has how many open cases, as a value that every decision of a batch hands to the next."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from services.triage.rulebook.model import Handler, Team


@dataclass(frozen=True, slots=True)
class Roster:
    """`loaded` is what the database says, per handler id; `changes` is what was decided since and has to be stored.

    A decision copies the few changes only, never the counts of everybody.
    """

    teams: Mapping[str, Team]
    loaded: Mapping[str, int] = field(default_factory=dict)
    changes: Mapping[str, int] = field(default_factory=dict)

    @property
    def open_cases(self) -> Mapping[str, int]:
        """Open cases per handler id, as decided so far."""
        return {name: self.load(name) for name in (*self.loaded, *self.changes)}

    def take(self, handler: str | None) -> "Roster":
        """One more open case for the handler; nobody takes nothing."""
        return self._add(handler, 1)

    def free(self, handler: str | None) -> "Roster":
        """One less open case for the handler."""
        return self._add(handler, -1)

    def load(self, handler: str) -> int:
        """Open cases of the handler."""
        return self.loaded.get(handler, 0) + self.changes.get(handler, 0)

    def member(self, team: str, handler: str | None) -> Handler | None:
        """The handler, if they are in that team."""
        return next((one for one in self._members(team) if one.id == handler), None)

    def least_loaded(self, team: str) -> Handler | None:
        """Who has most room for their capacity; the id breaks ties. None when nobody has room for one more."""
        best: tuple[float, int, str] | None = None
        chosen: Handler | None = None
        for one in self._members(team):
            load = self.load(one.id)
            if load < one.capacity and (best is None or (load / one.capacity, load, one.id) < best):
                best, chosen = (load / one.capacity, load, one.id), one
        return chosen

    def _members(self, team: str) -> tuple[Handler, ...]:
        """Nobody, where a newer rulebook dropped a team that still has cases."""
        known = self.teams.get(team)
        return known.handlers if known else ()

    def _add(self, handler: str | None, number: int) -> "Roster":
        if handler is None:
            return self
        changed = {**self.changes, handler: self.changes.get(handler, 0) + number}
        return Roster(self.teams, self.loaded, changed)
