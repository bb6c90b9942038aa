"""Events wait here, in the transaction that decided them, until the relay has them on Kafka."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

import asyncpg

APPEND = """
insert into outbox (topic, key, event_id, value)
select topic, key, event_id, value
from unnest($1::text[], $2::uuid[], $3::uuid[], $4::bytea[]) with ordinality as row(topic, key, event_id, value, n)
order by n
"""
# Nothing can appear any more below a snapshot's xmin: from there down to the last such horizon is a window whose rows
# are all known. Within it they go out by id. Not by xid: a transaction may get its xid, wait for a complaint's row, and
# say its event after one with a higher xid. (Across windows the order of xids holds: `Documents.load` sees to that.)
# `+ 0`: for a bare min(id) PostgreSQL walks the index on id from its start, through everything that was said before.
OPEN = """
with horizon as (select pg_snapshot_xmin(pg_current_snapshot()) as xid)
select horizon.xid::text as xid,
       (select min(o.id + 0) - 1 from outbox o where o.xid >= $1::text::xid8 and o.xid < horizon.xid) as floor
from horizon
"""
NEXT = """
select o.id, o.topic, o.key, o.value, o.said_at
from outbox o
where o.id > $3::bigint and o.xid >= $1::text::xid8 and o.xid < $2::text::xid8
order by o.id
limit $4
"""
# The snapshot's xmax is above all that can be seen; a range with both ends is looked up in the index on xid.
OLDEST = """
select coalesce(extract(epoch from clock_timestamp() - (
    select min(o.said_at) from outbox o
    where o.xid >= (select done from relay) and o.xid < pg_snapshot_xmax(pg_current_snapshot())
        and not (o.xid < (select horizon from relay) and o.id <= (select id from relay))
)), 0)::float8
"""
TAKE_OVER = "update relay set epoch = epoch + 1 returning epoch, done::text, horizon::text, id"
MOVE = """
update relay set done = $2::text::xid8, horizon = $3::text::xid8, id = $4, moved_at = now()
where epoch = $1 returning 1
"""
CHILDREN = ("outbox_0", "outbox_1", "outbox_2")


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """One event on its way out; `key` is the complaint."""

    topic: str
    key: UUID
    event_id: UUID
    value: bytes


@dataclass(frozen=True, slots=True)
class OutboxCursor:
    """Up to where the relay has published: all below `done`, and below `horizon` what has an id up to `id`.

    `epoch` tells whose cursor it is.
    """

    epoch: int
    done: str
    horizon: str
    id: int


async def append(conn: asyncpg.Connection, rows: Sequence[OutboxRow]) -> None:
    """Add events in this order. The complaint's row must be locked already: that keeps the order per complaint."""
    if rows:
        columns = zip(*((row.topic, row.key, row.event_id, row.value) for row in rows), strict=True)
        await conn.execute(APPEND, *(list(column) for column in columns))


async def take_over(conn: asyncpg.Connection) -> OutboxCursor:
    """Become the one relay: a higher epoch makes every earlier relay's cursor update miss."""
    row = await conn.fetchrow(TAKE_OVER)
    return OutboxCursor(*row)  # type: ignore[misc]  # the migration put the one row in


async def pending(
    conn: asyncpg.Connection, cursor: OutboxCursor, limit: int
) -> tuple[OutboxCursor, Sequence[asyncpg.Record]]:
    """The next rows that may be published, and the cursor in whose window they stand."""
    if cursor.horizon != cursor.done:
        if rows := await conn.fetch(NEXT, cursor.done, cursor.horizon, cursor.id, limit):
            return cursor, rows
        cursor = replace(cursor, done=cursor.horizon)
    opened = await conn.fetchrow(OPEN, cursor.done)
    horizon, floor = opened  # type: ignore[misc]  # there is always a horizon
    if floor is None:
        return replace(cursor, done=horizon, horizon=horizon), []
    cursor = replace(cursor, horizon=horizon, id=floor)
    return cursor, await conn.fetch(NEXT, cursor.done, cursor.horizon, cursor.id, limit)


async def move(conn: asyncpg.Connection, cursor: OutboxCursor) -> bool:
    """Remember that everything up to `cursor` is on Kafka; False when another relay has taken over."""
    return bool(await conn.fetchval(MOVE, cursor.epoch, cursor.done, cursor.horizon, cursor.id))


async def oldest_seconds(conn: asyncpg.Connection) -> float:
    """Age of the oldest row that is not on Kafka yet, in seconds; 0 when there is none."""
    return float(await conn.fetchval(OLDEST))


async def rotate(conn: asyncpg.Connection, now: datetime, cursor: OutboxCursor) -> int:
    """Truncate the children that are not being filled now and hold nothing unpublished. Returns how many."""
    current = int(now.timestamp()) // 600 % len(CHILDREN)
    emptied = 0
    for slot, child in enumerate(CHILDREN):
        if slot != current and await conn.fetchval(f"select exists (select from {child})"):  # noqa: S608
            emptied += await _truncate(conn, child, cursor)
    return emptied


async def _truncate(conn: asyncpg.Connection, child: str, cursor: OutboxCursor) -> bool:
    # Under the exclusive lock no transaction that wrote here is still open, so what we see is all there is.
    try:
        async with conn.transaction():
            await conn.execute("set local lock_timeout = '200ms'")
            await conn.execute(f"lock table {child} in access exclusive mode")
            left = await conn.fetchval(
                f"select exists (select from {child} where xid >= $1::text::xid8 "  # noqa: S608 (our own table's name)
                f"and not (xid < $2::text::xid8 and id <= $3::bigint))",
                cursor.done,
                cursor.horizon,
                cursor.id,
            )
            if left:
                return False
            await conn.execute(f"truncate {child}")
            return True
    except asyncpg.LockNotAvailableError:
        return False
