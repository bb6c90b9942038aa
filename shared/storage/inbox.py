"""Inbox: ids of the events that the service has applied, so that each event takes effect once.

Kafka delivers at least once. The id of an event is therefore inserted in the same transaction as its effects: either
both are committed or neither is. An id that exists already marks a duplicate. If another process is applying the same
event at this moment (after a rebalance), the insert waits for its commit or rollback, and then returns the id
only if it is new.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from operator import attrgetter
from uuid import UUID

import asyncpg

from shared.contracts.envelope import ComplaintId

# Ids are inserted in order, so that two processes with the same events wait for each other instead of deadlocking.
# The same statement reads the clock and the complaints with dead letters: one round trip instead of three.
CLAIM_EVENTS = """
with claimed as (
    insert into inbox (event_id) select unnest($1::uuid[]) on conflict do nothing returning event_id
)
select now(),
       array(select event_id from claimed),
       array(select subject from dead_letter where status in ('buried', 'parked') and subject = any($2::uuid[]))
"""
DELETE_OLD_EVENTS = (
    "delete from inbox where event_id in (select event_id from inbox where event_id < $1 order by event_id limit $2)"
)


_BY_INT = attrgetter("int")  # PostgreSQL's order of uuid, at a tenth of the cost of comparing UUID objects


@dataclass(frozen=True, slots=True)
class InboxClaim:
    """Result of a claim: the database's time, the ids that are new, the complaints that have open dead letters."""

    now: datetime
    new: frozenset[UUID]
    blocked: frozenset[ComplaintId]


async def claim(conn: asyncpg.Connection, events: Iterable[UUID], subjects: Sequence[ComplaintId]) -> InboxClaim:
    """Insert the ids of these events; those that exist already are duplicates and missing in `new`."""
    row = await conn.fetchrow(CLAIM_EVENTS, sorted(set(events), key=_BY_INT), subjects)
    now, new, blocked = row  # type: ignore[misc]  # this select always returns a row
    return InboxClaim(now, frozenset(new), frozenset(blocked))


async def delete_old(conn: asyncpg.Connection, now: datetime, keep: timedelta, limit: int = 10_000) -> int:
    """Delete up to `limit` ids of events older than `keep`, and return how many were deleted.

    Ids are UUIDv7, which begin with a timestamp, so the age is a bound on the id.
    """
    milliseconds = int((now - keep).timestamp() * 1000)
    bound = UUID(int=milliseconds << 80)
    status: str = await conn.execute(DELETE_OLD_EVENTS, bound, limit)
    return int(status.rsplit(" ", 1)[-1])
