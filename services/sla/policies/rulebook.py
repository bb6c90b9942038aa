"""Policies and calendars together: which one a complaint falls under. Immutable once loaded."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from services.sla.calendar import Compiled
from services.sla.policies.model import Policy
from shared.errors import NotFound

Key = tuple[str, int]


@dataclass(frozen=True, slots=True, eq=False)  # equal only to itself, so that answers can be remembered by it
class Rulebook:
    """`policies` are asked in order and the first match counts; versions that only old complaints use come after it.

    All versions of an id share its place: the newest is matched, older ones answer for complaints that carry them.
    """

    policies: tuple[Policy, ...]
    versions: Mapping[Key, Policy]
    calendars: Mapping[Key, Compiled]
    newest: Mapping[str, int]  # calendar id → version

    def match(self, *, category: Sequence[str] = (), severity: str | None = None, channel: str | None = None) -> Policy:
        """The first policy that fits. The last one of a rulebook asks nothing, so there always is one."""
        return next(policy for policy in self.policies if policy.when.matches(category, severity, channel))

    def policy(self, key: Key) -> Policy:
        """A policy as it was when a complaint came under it; where that version is gone, the newest of that id."""
        found = self.versions.get(key) or next((one for one in self.policies if one.id == key[0]), None)
        return found or self.policies[-1]

    def calendar(self, key: Key) -> Compiled:
        """A calendar by id and version; where that version is gone, the newest of that id."""
        found = self.calendars.get(key)
        if found is None and key[0] in self.newest:
            found = self.calendars[key[0], self.newest[key[0]]]
        if found is None:
            raise NotFound(f"there is no calendar {key[0]!r}")
        return found

    def calendar_of(self, policy: Policy) -> Key:
        """The newest version of the calendar that a policy names."""
        return policy.calendar, self.newest[policy.calendar]
