"""Which events this service has heard already."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from operator import attrgetter
from uuid import UUID

import asyncpg

from shared.contracts.envelope import ComplaintId

# Ids go in sorted, so that two processes that hear the same events wait for each other instead of deadlocking.
CLAIM = """
with claimed as (
    insert into inbox (event_id) select unnest($1::uuid[]) on conflict do nothing returning event_id
)
select now(),
       array(select event_id from claimed),
       array(select subject from dead_letter where status in ('buried', 'parked') and subject = any($2::uuid[]))
"""
FORGET = (
    "delete from inbox where event_id in (select event_id from inbox where event_id < $1 order by event_id limit $2)"
)


_BY_INT = attrgetter("int")  # PostgreSQL's order of uuid, at a tenth of the cost of comparing them


@dataclass(frozen=True, slots=True)
class InboxClaim:
    """What of a batch is new, which complaints wait behind a dead letter, and the database's time."""

    now: datetime
    fresh: frozenset[UUID]
    blocked: frozenset[ComplaintId]


async def claim(conn: asyncpg.Connection, events: Iterable[UUID], subjects: Sequence[ComplaintId]) -> InboxClaim:
    """Remember these events; those that were known before are not in `fresh`."""
    row = await conn.fetchrow(CLAIM, sorted(set(events), key=_BY_INT), subjects)
    now, fresh, blocked = row  # type: ignore[misc]  # this select always gives a row
    return InboxClaim(now, frozenset(fresh), frozenset(blocked))


async def forget(conn: asyncpg.Connection, now: datetime, keep: timedelta, limit: int = 10_000) -> int:
    """Forget up to `limit` events older than `keep`; ids are UUIDv7, so age is a bound on the id."""
    milliseconds = int((now - keep).timestamp() * 1000)
    oldest = UUID(int=milliseconds << 80)
    done: str = await conn.execute(FORGET, oldest, limit)
    return int(done.rsplit(" ", 1)[-1])
