"""Policies and packs of a draft that would apply to nobody: a category that is misspelt looks like any other.

Complaints that are there are asked, as triage last spoke of them. It ends as soon as each has found one, and after some
thousands, which take a second at most.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import asyncpg

from services.sla.domain import SlaState
from services.sla.policies import Rulebook
from services.sla.policies.model import When
from services.sla.store.scan import ComplaintScan, open_ones, recent_ones

DAYS = 30
LOOKED_MAX = 10_000  # of those received lately, and as many of those that are open
Key = tuple[str, str]  # policy or pack, and its id


class CoverageCheck:
    """What was changed and asks for something; who meets it, and who would come under it as policies are asked."""

    def __init__(self, before: Rulebook, after: Rulebook) -> None:
        self._after = after
        known = _asked(before)
        self._wanted = {key: when for key, when in _asked(after).items() if known.get(key) != when}
        self._met: set[Key] = set()
        self._won: set[Key] = set()
        self.seen: set[Any] = set()

    @property
    def is_settled(self) -> bool:
        """Whether each has found somebody, so that there is nothing left to look for."""
        return self._won >= self._wanted.keys()

    def add(self, state: SlaState) -> None:
        """One complaint, as triage last spoke of it."""
        if state.receipt is None:
            return
        self.seen.add(state.complaint_id)
        asked = state.asked(state.triages[-1] if state.triages else None)
        first = next(one.id for one in self._after.current.policies if one.when.matches(asked))
        for key, when in self._wanted.items():
            if when.matches(asked):
                self._met.add(key)
                if key[0] == "pack" or key[1] == first:
                    self._won.add(key)

    def sentences(self) -> Iterator[str]:
        """One for each that would apply to none of those; none where nobody was there to ask."""
        of = f"the {len(self.seen):,} complaints looked at, open or received in the last {DAYS} days"
        for what, name in self._wanted if self.seen else ():
            if (what, name) not in self._met:
                why = f"it asks for {self._words(what, name)}"
            elif (what, name) not in self._won:
                why = "those that it asks for come under policies before it"
            else:
                continue
            yield f"{what.capitalize()} '{name}' would apply to none of {of}: {why}."

    def _words(self, what: str, name: str) -> str:
        when = self._wanted[what, name]
        given = {field: getattr(when, field) for field in When.model_fields}
        return ", ".join(f"{field} {' or '.join(values)}" for field, values in given.items() if values)


def _asked(book: Rulebook) -> Mapping[Key, When]:
    policies = {("policy", one.id): one.when for one in book.current.policies}
    packs = {("pack", one.id): one.when for one in book.current.packs}
    return {key: when for key, when in (policies | packs).items() if not when.is_unconditional}


async def unmet(pool: asyncpg.Pool, before: Rulebook, after: Rulebook) -> list[str]:
    """Sentences about what the draft changes and nobody would come under."""
    fitting = CoverageCheck(before, after)
    if not fitting.is_settled:
        now = await pool.fetchval("select now()")
        for pages in (await recent_ones(pool, now, DAYS), await open_ones(pool)):
            await _look(fitting, pages)
    return [] if fitting.is_settled else list(fitting.sentences())


async def _look(fitting: CoverageCheck, pages: ComplaintScan) -> None:
    looked = 0
    async for states in pages.walk():
        for state in states:
            fitting.add(state)
        looked += len(states)
        if looked >= LOOKED_MAX or fitting.is_settled:
            return
