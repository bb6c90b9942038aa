"""Teams, and the number of open cases of each handler, as an immutable value."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from services.triage.rulebook.model import Handler, Team


@dataclass(frozen=True, slots=True)
class Roster:
    """Open cases per handler id: `loaded` as stored in the database, `changes` as decided since and not yet stored.

    The decisions of one batch are made one after the other, and each hands its roster to the next, so that a batch
    is spread over the handlers like single complaints. A decision copies `changes` only, never all counts. `changes`
    is added to the table at the end of the transaction; two batches that run at the same time therefore never
    overwrite each other's counts.
    """

    teams: Mapping[str, Team]
    loaded: Mapping[str, int] = field(default_factory=dict)
    changes: Mapping[str, int] = field(default_factory=dict)

    @property
    def open_cases(self) -> Mapping[str, int]:
        """Open cases per handler id, with the changes applied."""
        return {handler: self.load(handler) for handler in (*self.loaded, *self.changes)}

    def take(self, handler: str | None) -> "Roster":
        """Return the roster with one more open case for the handler; None changes nothing."""
        return self._add(handler, 1)

    def release(self, handler: str | None) -> "Roster":
        """Return the roster with one open case less for the handler; None changes nothing."""
        return self._add(handler, -1)

    def load(self, handler: str) -> int:
        """Open cases of the handler."""
        return self.loaded.get(handler, 0) + self.changes.get(handler, 0)

    def member(self, team: str, handler: str | None) -> Handler | None:
        """Return the handler if they are a member of the team, else None."""
        return next((member for member in self._members(team) if member.id == handler), None)

    def least_loaded(self, team: str) -> Handler | None:
        """Return the handler with the lowest load relative to their capacity, or None if the team is full.

        Equal shares are decided by the number of open cases, then by id, so that every process chooses the same.
        """
        best: tuple[float, int, str] | None = None
        chosen: Handler | None = None
        for member in self._members(team):
            load = self.load(member.id)
            if load < member.capacity and (best is None or (load / member.capacity, load, member.id) < best):
                best, chosen = (load / member.capacity, load, member.id), member
        return chosen

    def _members(self, name: str) -> tuple[Handler, ...]:
        """Return the handlers of a team; empty if a newer rulebook removed a team that still has cases."""
        team = self.teams.get(name)
        return team.handlers if team else ()

    def _add(self, handler: str | None, number: int) -> "Roster":
        if handler is None:
            return self
        changes = {**self.changes, handler: self.changes.get(handler, 0) + number}
        return Roster(self.teams, self.loaded, changes)
