"""Queries of single cases and of team queues, for the HTTP routes."""

from uuid import UUID

import asyncpg

from services.triage.domain import TriageState

SELECT_CASE = "select state from complaint where complaint_id = $1"

# Open cases of a team: highest severity first, then oldest.
SELECT_QUEUE = """
select state from complaint
where open and team = $1
order by severity desc, since, complaint_id
limit $2 offset $3
"""


async def select_case(pool: asyncpg.Pool, complaint: UUID) -> TriageState | None:
    """Return the case of a complaint, or None for an unknown complaint."""
    document = await pool.fetchval(SELECT_CASE, complaint)
    return TriageState.model_validate_json(document) if document else None


async def select_queue(pool: asyncpg.Pool, team: str, *, limit: int, offset: int) -> list[TriageState]:
    """Return open cases of a team: highest severity first, then oldest."""
    return [TriageState.model_validate_json(row[0]) for row in await pool.fetch(SELECT_QUEUE, team, limit, offset)]
