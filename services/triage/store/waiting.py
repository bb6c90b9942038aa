"""Queries of cases that wait for a handler.

A waiting case has no due time: it can be assigned as soon as a handler of its team is below capacity. The queries
therefore start from the teams with such a handler, and use the index on (team, waiting_since) for each of them.
Thousands of cases that wait for full teams are not read.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

import asyncpg

from services.triage.rulebook import Team

Members = tuple[list[str], list[str], list[int]]  # team, handler id and capacity of each handler, as columns

_TEAMS_BELOW_CAPACITY = """
with free_team as (
    select distinct team
    from unnest($1::text[], $2::text[], $3::integer[]) as member(team, handler, capacity)
    left join handler using (handler)
    where coalesce(handler.open_cases, 0) < member.capacity
)
"""

# Locks waiting cases of teams below capacity, and skips those that another transaction has locked. The order is highest
# severity first, then the longest wait.
CLAIM_WAITING = f"""{_TEAMS_BELOW_CAPACITY}
select complaint_id, now()
from free_team cross join lateral (
    select complaint_id, severity, waiting_since from complaint
    where complaint.team = free_team.team and waiting_since <= now()
    order by severity desc, waiting_since
    limit $4
    for no key update skip locked
) as waiting
order by severity desc, waiting_since
limit $4
"""  # noqa: S608 (constant text)

IS_ANY_ASSIGNABLE = f"""{_TEAMS_BELOW_CAPACITY}
select exists (
    select from free_team cross join lateral (
        select from complaint where complaint.team = free_team.team and waiting_since <= now() limit 1
    ) as waiting
)
"""  # noqa: S608 (constant text)

# A case whose tick failed waits as if it had come later, so that it cannot block the others.
POSTPONE_WAITING = "update complaint set waiting_since = $2 where complaint_id = any($1)"


def list_members(teams: Mapping[str, Team]) -> Members:
    """Return all handlers of the rulebook as parameters of the queries."""
    members = [(name, handler) for name, team in teams.items() for handler in team.handlers]
    return (
        [name for name, _ in members],
        [handler.id for _, handler in members],
        [handler.capacity for _, handler in members],
    )


async def is_any_assignable(conn: asyncpg.Connection, members: Members) -> bool:
    """Return True if a case waits for a team with a handler below capacity."""
    return bool(await conn.fetchval(IS_ANY_ASSIGNABLE, *members))


async def claim_waiting(conn: asyncpg.Connection, members: Members, limit: int) -> list[asyncpg.Record]:
    """Lock up to `limit` cases that can be assigned now. Return rows of complaint id and database time."""
    return list(await conn.fetch(CLAIM_WAITING, *members, limit))


async def postpone_waiting(conn: asyncpg.Connection, ids: Sequence[UUID], until: datetime) -> None:
    """Let the cases wait at least until `until`."""
    if ids:
        await conn.execute(POSTPONE_WAITING, ids, until)
