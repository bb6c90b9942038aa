"""Find policies and packs of a draft that would apply to no complaint; a misspelt category looks like any other.

Conditions are matched against stored complaints, by their latest triage. The check ends as soon as every changed
condition applies to one, and after some thousands of complaints, which takes a second at most.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import asyncpg

from services.sla.domain import SlaState
from services.sla.domain.apply import match_facts
from services.sla.policies import Rulebook
from services.sla.policies.model import When
from services.sla.store.scan import scan_open, scan_recent

DAYS = 30
CHECKED_MAX = 10_000  # recently received complaints, and as many open ones
ConditionKey = tuple[str, str]  # "policy" or "pack", and its id


class CoverageCheck:
    """Conditions that the draft adds or changes, and which of them match a complaint and apply to one.

    A policy can match and still not apply, because the first matching policy applies. Packs apply wherever they match.
    """

    def __init__(self, before: Rulebook, after: Rulebook) -> None:
        self._after = after
        published = _conditions(before)
        self._changed = {key: when for key, when in _conditions(after).items() if published.get(key) != when}
        self._matched: set[ConditionKey] = set()
        self._applied: set[ConditionKey] = set()
        self.checked: set[Any] = set()

    @property
    def is_complete(self) -> bool:
        """True if every changed condition applies to a complaint, so that the check can end."""
        return self._applied >= self._changed.keys()

    def add(self, state: SlaState) -> None:
        """Match the conditions against one complaint."""
        if state.receipt is None:
            return
        self.checked.add(state.complaint_id)
        facts = match_facts(state, state.triages[-1] if state.triages else None)
        first = next(policy.id for policy in self._after.current.policies if policy.when.matches(facts))
        for key, when in self._changed.items():
            if when.matches(facts):
                self._matched.add(key)
                if key[0] == "pack" or key[1] == first:
                    self._applied.add(key)

    def sentences(self) -> Iterator[str]:
        """Yield a sentence for each condition that applies to no checked complaint; none if none was checked."""
        count = f"the {len(self.checked):,} complaints looked at, open or received in the last {DAYS} days"
        for (kind, name), when in self._changed.items() if self.checked else ():
            if (kind, name) not in self._matched:
                reason = f"it asks for {_condition_text(when)}"
            elif (kind, name) not in self._applied:
                reason = "those that it asks for come under policies before it"
            else:
                continue
            yield f"{kind.capitalize()} '{name}' would apply to none of {count}: {reason}."


def _condition_text(when: When) -> str:
    return ", ".join(f"{field} {' or '.join(options)}" for field, options in when if options)


def _conditions(rulebook: Rulebook) -> Mapping[ConditionKey, When]:
    policies = {("policy", policy.id): policy.when for policy in rulebook.current.policies}
    packs = {("pack", pack.id): pack.when for pack in rulebook.current.packs}
    return {key: when for key, when in (policies | packs).items() if not when.is_unconditional}


async def coverage_warnings(pool: asyncpg.Pool, before: Rulebook, after: Rulebook) -> list[str]:
    """Return a sentence for each changed policy or pack of the draft that would apply to no complaint."""
    check = CoverageCheck(before, after)
    if check.is_complete:
        return []
    for scan in (await scan_recent(pool, DAYS), await scan_open(pool)):
        count = 0
        async for states in scan.chunks():
            for state in states:
                check.add(state)
            count += len(states)
            if count >= CHECKED_MAX or check.is_complete:
                break
    return list(check.sentences())
