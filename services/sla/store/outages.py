"""Outages and the heartbeat on PostgreSQL, and the complaints that an outage puts at risk."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

import asyncpg

from services.sla.domain import Outage
from shared.contracts.events import BreachCause

# All recorded outages, and a downtime that still lasts: its heartbeat has expired, and no process has recorded it yet.
OUTAGES = """(
    select cause, since, until from outage
    union all
    select 'downtime', at, null from heartbeat where expires_at < now()
) as outages"""
SELECT_OUTAGES = f"""
    select cause, since, until from {OUTAGES}
    where since < $2 and (until is null or until > $1) order by since desc limit $3
"""  # noqa: S608 (a constant)
# Renew the heartbeat. Returns the time of the previous one if it had expired.
RENEW_HEARTBEAT = """
    with before as (select at, expires_at from heartbeat for update),
    renewed as (
        insert into heartbeat (at, expires_at) values (now(), now() + $1)
        on conflict (one) do update set at = excluded.at, expires_at = excluded.expires_at
    )
    select at from before where expires_at < now()
"""
UPSERT_OUTAGE = """
    insert into outage (cause, since) values ($1, now() - $2::interval)
    on conflict (cause) where until is null do update set seen_at = now()
"""
END_OUTAGES = "update outage set until = seen_at where until is null and seen_at < now() - $1::interval returning cause"
# With each outage the time until which promises are at risk: $1 from now, or from the end of a downtime.
SELECT_RISK_PERIODS = """
    select cause, since, until, coalesce(until, now()) + $1::interval from outage
    where until is null or (cause = 'downtime' and until > now() - $1::interval)
    order by until desc nulls first, since
"""
COUNT_UNTOLD = """
    select count(untold_since), count(*), now() - min(untold_since) from complaint
    where received_at between now() - $1::interval - interval '1 hour' and now() - $1::interval
"""
# `promised_at` may be long past: a broken promise is still owed. So the query asks for another date in the future, and
# leaves to the decision which of these dates the customer was told. The index complaint_promised serves it.
SELECT_DUE_SOON = """
    select complaint_id, version, soon.due_at from complaint cross join lateral (
        select max((promise->>'due_at')::timestamptz) as due_at from jsonb_array_elements(state->'promises') as promise
        where (promise->>'due_at')::timestamptz > now() and (promise->>'due_at')::timestamptz <= $1
    ) as soon
    where promised_at > now() - interval '60 days' and promised_at <= $1 and soon.due_at is not null
    order by soon.due_at limit $2
"""


async def renew_heartbeat(conn: asyncpg.Connection, lasts: timedelta) -> datetime | None:
    """Renew the heartbeat for that long. Return the time of the previous one if it had expired."""
    previous: datetime | None = await conn.fetchval(RENEW_HEARTBEAT, lasts)
    return previous


async def insert_downtime(conn: asyncpg.Connection, since: datetime) -> None:
    """Record a downtime that ends now."""
    await conn.execute("insert into outage (cause, since, until) values ('downtime', $1, now())", since)


async def upsert_outage(conn: asyncpg.Connection, cause: BreachCause, age: timedelta) -> None:
    """Record an outage that began `age` ago, or that the recorded one still lasts."""
    await conn.execute(UPSERT_OUTAGE, cause, age)


async def end_outages(conn: asyncpg.Connection, unseen: timedelta) -> Sequence[BreachCause]:
    """End the outages that no process has seen for that long; return their causes."""
    return [row[0] for row in await conn.fetch(END_OUTAGES, unseen)]


async def select_risk_periods(conn: asyncpg.Connection, horizon: timedelta) -> Sequence[asyncpg.Record]:
    """Return (cause, since, until, at risk until) of outages that last, the oldest first, then of recent downtimes."""
    return list(await conn.fetch(SELECT_RISK_PERIODS, horizon))


async def count_untold(conn: asyncpg.Connection, delay: timedelta) -> tuple[int, int, timedelta | None]:
    """Count the complaints that were received in the hour that ended `delay` ago.

    Return the number of customers not told their date, the number of all, and the age of the oldest untold date.
    """
    ((untold, received, age),) = await conn.fetch(COUNT_UNTOLD, delay)
    return untold, received, age


async def select_due_soon(pool: asyncpg.Pool, until: datetime, limit: int) -> Sequence[tuple[UUID, int, datetime]]:
    """Return (complaint, version, last due time before `until`) of complaints with a promise that falls due soon."""
    return [tuple(row) for row in await pool.fetch(SELECT_DUE_SOON, until, limit)]


async def select_outages(pool: asyncpg.Pool, since: datetime, until: datetime, limit: int) -> tuple[Outage, ...]:
    """Return the outages that overlap that time, the latest first."""
    return tuple(Outage(*row) for row in await pool.fetch(SELECT_OUTAGES, since, until, limit))
