"""Outbox: events are stored in the transaction that decided them; the relay publishes them to Kafka afterwards.

Order of publication. The order of `id` alone would lose events: ids are assigned at the insert, but transactions commit
in another order. If row 12 is committed before row 11, a relay that reads `id > cursor` publishes 12, remembers 12 and
never sees 11. Therefore each row also has the id of its transaction (`xid`), and the relay works in windows of it:

1. `pg_snapshot_xmin` is the lowest transaction id that is still running. All transactions below have ended, so no row
   with a lower xid can appear any more. This bound is the end of the window; the next window begins there.
2. Within the window the relay publishes by `id`. The order of xid would be wrong here: a transaction can get its xid,
   wait for the row of a complaint, and insert its event after another one with a higher xid has inserted one for the
   same complaint. The complaint's row is locked before events are inserted, so per complaint the ids are in order.
3. Across windows the order is that of xid. `StateStore.load` makes this correct per complaint: a transaction that
   finds a state of a transaction with a higher xid raises `LostUpdate` and starts again with a new xid.

Rows are never deleted one by one. The table has three partitions that are filled in turn, `SLOT_SECONDS` each; a
partition whose rows are all published is truncated.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

import asyncpg

PARTITIONS = ("outbox_0", "outbox_1", "outbox_2")
SLOT_SECONDS = 600  # for which one partition is filled; fixed by the default of `slot` in the schema, not a setting

INSERT_EVENTS = """
insert into outbox (topic, key, event_id, value)
select topic, key, event_id, value
from unnest($1::text[], $2::uuid[], $3::uuid[], $4::bytea[]) with ordinality as row(topic, key, event_id, value, n)
order by n
"""
# The next window: its end, and the id before its first row (null: no rows).
# `+ 0`: for a bare min(id) PostgreSQL scans the index on id from its start, over all rows that were published before.
SELECT_WINDOW = """
with window_end as (select pg_snapshot_xmin(pg_current_snapshot()) as xid)
select window_end.xid::text as xid,
       (select min(o.id + 0) - 1 from outbox o where o.xid >= $1::text::xid8 and o.xid < window_end.xid)
           as before_first_id
from window_end
"""
SELECT_NEXT_EVENTS = """
select o.id, o.topic, o.key, o.value, o.said_at
from outbox o
where o.id > $3::bigint and o.xid >= $1::text::xid8 and o.xid < $2::text::xid8
order by o.id
limit $4
"""
# The snapshot's xmax is above all visible rows; a range with both ends can use the index on xid.
SELECT_OLDEST_AGE = """
select coalesce(extract(epoch from clock_timestamp() - (
    select min(o.said_at) from outbox o
    where o.xid >= (select done from relay) and o.xid < pg_snapshot_xmax(pg_current_snapshot())
        and not (o.xid < (select horizon from relay) and o.id <= (select id from relay))
)), 0)::float8
"""
INCREMENT_EPOCH = "update relay set epoch = epoch + 1 returning epoch, done::text, horizon::text, id"
ADVANCE_CURSOR = """
update relay set done = $2::text::xid8, horizon = $3::text::xid8, id = $4, moved_at = now()
where epoch = $1 returning 1
"""


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """Event to be published; `key` is the complaint id."""

    topic: str
    key: UUID
    event_id: UUID
    value: bytes


@dataclass(frozen=True, slots=True)
class OutboxCursor:
    """Progress of the relay; its table has `done` and `horizon` for `published_below` and `window_end`.

    Published are all rows with an xid below `published_below`, and of the rows from there to `window_end` those up to
    `id`. `epoch` is the fencing token of the relay that owns the cursor.
    """

    epoch: int
    published_below: str
    window_end: str
    id: int


async def append(conn: asyncpg.Connection, rows: Sequence[OutboxRow]) -> None:
    """Insert events in this order. The complaint's row must be locked already: that keeps the order per complaint."""
    if rows:
        columns = zip(*((row.topic, row.key, row.event_id, row.value) for row in rows), strict=True)
        await conn.execute(INSERT_EVENTS, *(list(column) for column in columns))


async def take_over(conn: asyncpg.Connection) -> OutboxCursor:
    """Make this the active relay and return its cursor.

    The new epoch is a fencing token: `advance_cursor` of every earlier relay fails from now on.
    """
    row = await conn.fetchrow(INCREMENT_EPOCH)
    return OutboxCursor(*row)  # type: ignore[misc]  # the migration inserts the only row


async def read_pending(
    conn: asyncpg.Connection, cursor: OutboxCursor, limit: int
) -> tuple[OutboxCursor, Sequence[asyncpg.Record]]:
    """Return up to `limit` rows that may be published next, and the cursor with the window that contains them."""
    if cursor.window_end != cursor.published_below:
        if rows := await conn.fetch(SELECT_NEXT_EVENTS, cursor.published_below, cursor.window_end, cursor.id, limit):
            return cursor, rows
        cursor = replace(cursor, published_below=cursor.window_end)
    window = await conn.fetchrow(SELECT_WINDOW, cursor.published_below)
    window_end, before_first_id = window  # type: ignore[misc]  # the query always returns a row
    if before_first_id is None:
        return replace(cursor, published_below=window_end, window_end=window_end), []
    cursor = replace(cursor, window_end=window_end, id=before_first_id)
    return cursor, await conn.fetch(SELECT_NEXT_EVENTS, cursor.published_below, cursor.window_end, cursor.id, limit)


async def advance_cursor(conn: asyncpg.Connection, cursor: OutboxCursor) -> bool:
    """Store that everything up to `cursor` is published. Return False if another relay has taken over."""
    return bool(await conn.fetchval(ADVANCE_CURSOR, cursor.epoch, cursor.published_below, cursor.window_end, cursor.id))


async def select_oldest_age(conn: asyncpg.Connection) -> float:
    """Return the age of the oldest row that is not published yet, in seconds; 0 if there is none."""
    return float(await conn.fetchval(SELECT_OLDEST_AGE))


async def truncate_published(conn: asyncpg.Connection, now: datetime, cursor: OutboxCursor) -> int:
    """Truncate the partitions that are not being filled at `now` and are published. Return how many were truncated."""
    current = int(now.timestamp()) // SLOT_SECONDS % len(PARTITIONS)
    truncated = 0
    for slot, partition in enumerate(PARTITIONS):
        if slot != current and await conn.fetchval(f"select exists (select from {partition})"):  # noqa: S608
            truncated += await _truncate(conn, partition, cursor)
    return truncated


async def _truncate(conn: asyncpg.Connection, partition: str, cursor: OutboxCursor) -> bool:
    # While the exclusive lock is held, no transaction that wrote to the partition is open: all its rows are visible.
    try:
        async with conn.transaction():
            await conn.execute("set local lock_timeout = '200ms'")
            await conn.execute(f"lock table {partition} in access exclusive mode")
            has_unpublished = await conn.fetchval(
                f"select exists (select from {partition} where xid >= $1::text::xid8 "  # noqa: S608 (own table name)
                f"and not (xid < $2::text::xid8 and id <= $3::bigint))",
                cursor.published_below,
                cursor.window_end,
                cursor.id,
            )
            if has_unpublished:
                return False
            await conn.execute(f"truncate {partition}")
            return True
    except asyncpg.LockNotAvailableError:
        return False
