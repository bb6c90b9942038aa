"""All that was ever published, and which of it a complaint falls under. Immutable once built.

A revision is a whole rulebook document: what it lists is current, what only earlier ones list answers for complaints
that came under it. Versions of a calendar, a policy or a pack never change; a change is a new version.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Literal, NamedTuple

from services.sla.calendar import Compiled
from services.sla.policies.model import MatchFacts, Policy
from services.sla.policies.pack import LetterRule, Pack
from services.sla.policies.rule import ClockRule
from shared.errors import NotFound

Key = tuple[str, int]
MATCHES_MAX = 10_000  # different complaints whose terms are remembered
Mode = Literal["new_only", "rebase_open", "rebase_remaining"]


class Terms(NamedTuple):
    """What a complaint came under: the policy, the packs, by version, and the revision whose calendars count."""

    policy: str
    policy_version: int
    packs: tuple[Key, ...]
    revision: int


@dataclass(frozen=True, slots=True, eq=False)
class ClockSpec:
    """One clock that terms ask for, with the calendar it counts by. `pack` absent: the policy's own."""

    rule: ClockRule
    compiled: Compiled
    source: Policy | Pack
    pack: str | None = None
    letters: tuple[LetterRule, ...] = ()
    name: str = field(init=False)  # `requester_wait`, or `uk-disp/regulatory_final`

    def __post_init__(self) -> None:
        """Named once: every event asks for it."""
        object.__setattr__(self, "name", f"{self.pack}/{self.rule.kind}" if self.pack else self.rule.kind)


@dataclass(frozen=True, slots=True, eq=False)
class Revision:
    """What was current from one publication to the next."""

    number: int
    policies: tuple[Policy, ...]
    packs: tuple[Pack, ...]
    calendars: Mapping[str, int]  # id → version
    mode: Mode = "new_only"
    reason: str = ""
    actor: str = ""
    at: datetime | None = None


@dataclass(frozen=True, slots=True, eq=False)  # equal only to itself, so that answers can be remembered by it
class Rulebook:
    """Policies are asked in order and the first match counts; all packs that match apply besides it."""

    revisions: Mapping[int, Revision]
    policy_versions: Mapping[Key, Policy]
    pack_versions: Mapping[Key, Pack]
    calendars: Mapping[Key, Compiled]
    _charges: dict[Terms, tuple[ClockSpec, ...]] = field(default_factory=dict)
    _matches: dict[tuple[MatchFacts, tuple[Pack, ...], int], Terms] = field(default_factory=dict)

    @property
    def current(self) -> Revision:
        """What counts for a complaint that comes in now."""
        return self.revisions[max(self.revisions)]

    def moving(self, after: int) -> tuple[Revision, ...]:
        """The revisions after that one that were published to move what is open, the oldest first."""
        later = (self.revisions[number] for number in sorted(self.revisions) if number > after)
        return tuple(one for one in later if one.mode != "new_only")

    def match(self, asked: MatchFacts, at: datetime, revision: int | None = None) -> Terms:
        """The terms of a complaint received at `at`, by a revision, else by what is current.

        The last policy asks nothing, so there always is one.
        """
        then = self.revisions.get(revision or 0, self.current)
        in_force = tuple(one for one in then.packs if one.in_force(self._day(one, at)))
        key = (asked, in_force, then.number)
        if key not in self._matches:
            if len(self._matches) > MATCHES_MAX:
                self._matches.clear()
            policy = next(one for one in then.policies if one.when.matches(asked))
            packs = tuple((one.id, one.version) for one in in_force if one.when.matches(asked))
            self._matches[key] = Terms(policy.id, policy.version, packs, then.number)
        return self._matches[key]

    def _day(self, pack: Pack, at: datetime) -> date:
        return at.astimezone(self.calendar(pack.calendar).calendar.zone).date()

    def charges(self, terms: Terms) -> tuple[ClockSpec, ...]:
        """Every clock that these terms ask for: the policy's own in its order, then those of the packs."""
        if terms not in self._charges:
            self._charges[terms] = tuple(self._charged(terms))
        return self._charges[terms]

    def _charged(self, terms: Terms) -> Sequence[ClockSpec]:
        policy = self.policy((terms.policy, terms.policy_version))
        own = [
            ClockSpec(rule, self.calendar(rule.calendar or policy.calendar, terms.revision), policy)
            for rule in policy.clocks
        ]
        packs = [self.pack_versions[key] for key in terms.packs if key in self.pack_versions]
        return own + [
            ClockSpec(
                rule,
                self.calendar(rule.calendar or pack.calendar, terms.revision),
                pack,
                pack.id,
                tuple(letter for letter in pack.letters if letter.clock == rule.kind),
            )
            for pack in packs
            for rule in pack.clocks
        ]

    def policy(self, key: Key) -> Policy:
        """A policy as it was when a complaint came under it; where that version is gone, the current of that id."""
        found = self.policy_versions.get(key)
        return found or next((one for one in self.current.policies if one.id == key[0]), self.current.policies[-1])

    def calendar(self, name: str, revision: int | None = None) -> Compiled:
        """A calendar as of a revision, else as it is now. Raises `NotFound` where there never was one."""
        then = self.revisions.get(revision or 0, self.current)
        version = then.calendars.get(name) or self.current.calendars.get(name)
        if version is None:
            known = sorted((key for key in self.calendars if key[0] == name), key=lambda key: key[1])
            if not known:
                raise NotFound(f"there is no calendar {name!r}")
            version = known[-1][1]
        return self.calendars[name, version]

    def promise_calendar(self, terms: Terms) -> Compiled:
        """The calendar that a promise under these terms is made by."""
        policy = self.policy((terms.policy, terms.policy_version))
        rule = policy.rule(policy.promise.clock)
        return self.calendar(rule.calendar or policy.calendar, terms.revision)
