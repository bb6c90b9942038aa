"""What is due soon and for whom: over promoted columns alone, so a full table costs no more than an empty one."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

import asyncpg

from services.sla.domain import Clock, Complaint, Pledge, ledger
from services.sla.domain.fates import SUBJECTS
from services.sla.domain.kinds import KINDS
from services.sla.domain.promises import chain_key
from services.sla.policies import Rulebook

# Complaints with a clock or a promise due before $1, the longest overdue first; by two indexes, each read in order.
# The team's own indexes serve where one is named.
DUE = """
    select c.complaint_id, c.state, c.team, c.updated_at from (
        select complaint_id, min(at) as at from (
            (select complaint_id, tightest_at as at from complaint
             where tightest_at < $1 {team} order by tightest_at limit $2)
            union all
            (select complaint_id, promised_at from complaint
             where promised_at < $1 {team} order by promised_at limit $2)
        ) as due group by complaint_id order by 2 limit $2
    ) as first join complaint c using (complaint_id) order by first.at, c.complaint_id
"""
OF_ALL = DUE.format(team="")
OF_TEAM = DUE.format(team="and team = $3")


class Item(NamedTuple):
    """A clock or a promise that is due, or was."""

    complaint: UUID
    team: str | None
    due_at: datetime
    is_late: bool
    what: Clock | Pledge
    updated_at: datetime

    @property
    def key(self) -> str:
        """What tells it apart from what else is due for that complaint, wherever its date moves."""
        if isinstance(self.what, Clock):
            return self.what.key
        return f"promise:{chain_key(self.what.promise)}"

    @property
    def name(self) -> str:
        """What is due, as a person says it."""
        if isinstance(self.what, Clock):
            return KINDS[self.what.kind].says
        return f"Promised: {SUBJECTS[self.what.promise.subject]}"


async def due(
    pool: asyncpg.Pool, rulebook: Rulebook, within: timedelta, team: str | None, limit: int
) -> tuple[datetime, list[Item]]:
    """The database's clock, and what is due within that time, late ones first; of up to `limit` complaints."""
    now: datetime = await pool.fetchval("select now()")
    given = (now + within, limit)
    rows = await (pool.fetch(OF_TEAM, *given, team) if team else pool.fetch(OF_ALL, *given))
    items = [
        item
        for row in rows
        for item in _items(Complaint.model_validate_json(row[1]), row[2], row[3], rulebook, (now, now + within))
    ]
    return now, sorted(items, key=lambda one: (not one.is_late, one.due_at, one.complaint))


def _items(
    state: Complaint, team: str | None, updated_at: datetime, rulebook: Rulebook, span: tuple[datetime, datetime]
) -> Iterator[Item]:
    now, until = span
    for at, what in _open(state, rulebook):
        if at < until:
            yield Item(state.complaint_id, team, at, at < now, what, updated_at)


def _open(state: Complaint, rulebook: Rulebook) -> Iterator[tuple[datetime, Clock | Pledge]]:
    book = ledger(state, rulebook)
    for clock in book.clocks:
        if clock.is_open and clock.due_at is not None:
            yield clock.due_at, clock
    for pledge in book.pledges:
        if pledge.told_at is not None and pledge.is_last and not pledge.is_over:
            yield pledge.promise.due_at, pledge


def complaints(items: Sequence[Item]) -> int:
    """How many complaints they are about."""
    return len({one.complaint for one in items})
