"""Events wait here, in the transaction that decided them, until the relay has them on Kafka."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

APPEND = """
insert into outbox (topic, key, event_id, value)
select topic, key, event_id, value
from unnest($1::text[], $2::uuid[], $3::uuid[], $4::bytea[]) with ordinality as row(topic, key, event_id, value, n)
order by n
"""
# Below the snapshot's xmin nothing can appear any more; `order by` names the columns of the table, not of the output.
NEXT = """
select o.xid::text as xid, o.id, o.topic, o.key, o.value, o.said_at
from outbox o
where (o.xid, o.id) > ($1::text::xid8, $2::bigint) and o.xid < pg_snapshot_xmin(pg_current_snapshot())
order by o.xid, o.id
limit $3
"""
OLDEST = """
select coalesce(extract(epoch from clock_timestamp() - (
    select o.said_at from outbox o, relay r where (o.xid, o.id) > (r.xid, r.id) order by o.xid, o.id limit 1
)), 0)::float8
"""
TAKE_OVER = "update relay set epoch = epoch + 1 returning epoch, xid::text, id"
MOVE = "update relay set xid = $2::text::xid8, id = $3, moved_at = now() where epoch = $1 returning 1"
CHILDREN = ("outbox_0", "outbox_1", "outbox_2")


@dataclass(frozen=True, slots=True)
class Row:
    """One event on its way out; `key` is the complaint."""

    topic: str
    key: UUID
    event_id: UUID
    value: bytes


@dataclass(frozen=True, slots=True)
class Cursor:
    """Up to where the relay has published; `epoch` tells whose cursor it is."""

    epoch: int
    xid: str
    id: int


async def append(conn: asyncpg.Connection, rows: Sequence[Row]) -> None:
    """Add events in this order. The complaint's row must be locked already: that keeps the order per complaint."""
    if rows:
        columns = zip(*((row.topic, row.key, row.event_id, row.value) for row in rows), strict=True)
        await conn.execute(APPEND, *(list(column) for column in columns))


async def take_over(conn: asyncpg.Connection) -> Cursor:
    """Become the one relay: a higher epoch makes every earlier relay's cursor update miss."""
    row = await conn.fetchrow(TAKE_OVER)
    epoch, xid, row_id = row  # type: ignore[misc]  # the migration put the one row in
    return Cursor(epoch, xid, row_id)


async def pending(conn: asyncpg.Connection, cursor: Cursor, limit: int) -> Sequence[asyncpg.Record]:
    """The next rows that may be published."""
    return list(await conn.fetch(NEXT, cursor.xid, cursor.id, limit))


async def move(conn: asyncpg.Connection, cursor: Cursor) -> bool:
    """Remember that everything up to `cursor` is on Kafka; False when another relay has taken over."""
    return bool(await conn.fetchval(MOVE, cursor.epoch, cursor.xid, cursor.id))


async def oldest_seconds(conn: asyncpg.Connection) -> float:
    """Age of the oldest row that is not on Kafka yet, in seconds; 0 when there is none."""
    return float(await conn.fetchval(OLDEST))


async def rotate(conn: asyncpg.Connection, now: datetime, cursor: Cursor) -> int:
    """Truncate the children that are not being filled now and hold nothing unpublished. Returns how many."""
    current = int(now.timestamp()) // 600 % len(CHILDREN)
    emptied = 0
    for slot, child in enumerate(CHILDREN):
        if slot != current and await conn.fetchval(f"select exists (select from {child})"):  # noqa: S608
            emptied += await _truncate(conn, child, cursor)
    return emptied


async def _truncate(conn: asyncpg.Connection, child: str, cursor: Cursor) -> bool:
    # Under the exclusive lock no transaction that wrote here is still open, so what we see is all there is.
    try:
        async with conn.transaction():
            await conn.execute("set local lock_timeout = '200ms'")
            await conn.execute(f"lock table {child} in access exclusive mode")
            left = await conn.fetchval(
                f"select exists (select from {child} where (xid, id) > ($1::text::xid8, $2::bigint))",  # noqa: S608
                cursor.xid,
                cursor.id,
            )
            if left:
                return False
            await conn.execute(f"truncate {child}")
            return True
    except asyncpg.LockNotAvailableError:
        return False
