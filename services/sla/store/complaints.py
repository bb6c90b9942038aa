"""Queries over the complaint table that only read: complaints due soon, open teams, durations."""

from collections.abc import Sequence
from datetime import datetime

import asyncpg

from services.sla.store.scan import Period

# Complaints with a clock or a promise due from $1 until before $2, by two indexes, each read in order; the team's own
# indexes serve if a team is given. $4 complaints are skipped, and $3 counts those and the ones returned.
_SELECT_DUE = """
    select c.complaint_id, c.state, c.team, c.updated_at from (
        select complaint_id, {nearest}(at) as at from (
            (select complaint_id, tightest_at as at from complaint
             where tightest_at >= $1 and tightest_at < $2 {team} order by tightest_at {order} limit $3)
            union all
            (select complaint_id, promised_at from complaint
             where promised_at >= $1 and promised_at < $2 {team} order by promised_at {order} limit $3)
        ) as due group by complaint_id order by 2 {order}, 1 limit $3 - $4 offset $4
    ) as nearest join complaint c using (complaint_id) order by nearest.at {order}, c.complaint_id
"""
SELECT_DUE = _SELECT_DUE.format(team="", nearest="min", order="asc")
SELECT_DUE_OF_TEAM = _SELECT_DUE.format(team="and team = $5", nearest="min", order="asc")
SELECT_LATEST_DUE_OF_TEAM = _SELECT_DUE.format(team="and team = $5", nearest="max", order="desc")
COUNT_DUE = (
    "select count(*) from complaint where (tightest_at < $1 or promised_at < $1) and ($2::text is null or team = $2)"
)
# A loose index scan: each step reads one row of the index, the first row of the next team.
SELECT_OPEN_TEAMS = """
    with recursive teams as (
        (select team from complaint where tightest_at is not null and team is not null order by team limit 1)
        union all
        select (select team from complaint where tightest_at is not null and team > teams.team order by team limit 1)
        from teams where teams.team is not null
    ) select team from teams where team is not null limit 50
"""
SELECT_DURATION = """
    select count(*), percentile_disc($4::float8) within group (order by spent_seconds) from complaint
    where policy = $1 and ($2 = '' or category = $2 or starts_with(category, $2 || '/'))
    and spent_seconds >= $3 and received_at > now() - interval '1 year'
"""


async def select_due(
    pool: asyncpg.Pool, period: Period, limit: int, offset: int = 0, *, latest_first: bool = False
) -> Sequence[asyncpg.Record]:
    """Return (complaint_id, state as JSON, team, updated_at) of up to `limit` complaints due in the period.

    `offset`: complaints to skip. `latest_first` needs a team.
    """
    parameters = (period.since, period.until, limit + offset, offset)
    if period.team is None:
        return list(await pool.fetch(SELECT_DUE, *parameters))
    query = SELECT_LATEST_DUE_OF_TEAM if latest_first else SELECT_DUE_OF_TEAM
    return list(await pool.fetch(query, *parameters, period.team))


async def count_due(pool: asyncpg.Pool, until: datetime, team: str | None) -> int:
    """Count the complaints with something due before that time."""
    return int(await pool.fetchval(COUNT_DUE, until, team))


async def select_open_teams(pool: asyncpg.Pool) -> list[str]:
    """Return up to 50 teams that have an open clock, in order."""
    return [row[0] for row in await pool.fetch(SELECT_OPEN_TEAMS)]


async def select_duration(
    pool: asyncpg.Pool, policy: str, category: str, *, longer_than: int, share: float
) -> tuple[int, int | None]:
    """Return how many complaints of the last year took longer, and in how many seconds that share of them was done.

    `category` empty: all under the policy. Seconds are opening time; None if no complaint matches.
    """
    count, spent = (await pool.fetch(SELECT_DURATION, policy, category, longer_than, share))[0]
    return count, spent
