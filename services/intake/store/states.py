"""The public record on PostgreSQL: bulk in, bulk out, and one at a time for readers."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import asyncpg
from pydantic_core import from_json, to_json

from services.intake.domain import IntakeState, TimelineEntry
from shared.contracts import ComplaintId
from shared.runner.state_store import StateStore
from shared.runner.types import Context

# New lines of timelines, in the order in which they were decided.
INSERT_TIMELINE = """
insert into timeline (complaint_id, at, kind, facts, words, public)
select complaint_id, at, kind, facts::jsonb, words, public
from unnest($1::uuid[], $2::timestamptz[], $3::text[], $4::text[], $5::text[], $6::boolean[])
    with ordinality as row(complaint_id, at, kind, facts, words, public, n)
order by n
"""
# One complaint as it stands, by its id or by its reference; a reader locks nothing.
BY_ID = "select state from complaint where complaint_id = $1 and reference is not null"
BY_REFERENCE = "select state from complaint where reference = $1"
# Its story from the beginning.
TIMELINE = """
select at, kind, facts, words, public from timeline
where complaint_id = $1 and (public or $2) order by at, id limit $3
"""
TIMELINE_MAX = 1000  # lines shown at once


class IntakeStore(StateStore[IntakeState, Context]):
    """States of intake, and the timeline entries that belong to them. Intake has no timers."""

    def __init__(self) -> None:
        super().__init__(
            IntakeState,
            promoted={"reference": "text", "status": "text"},
            promote=lambda state: (state.filed.reference if state.filed else None, state.status),
        )

    async def save(self, conn: asyncpg.Connection, states: Sequence[IntakeState], context: Context) -> None:
        """Save the states in one statement and their new timeline entries in another."""
        await super().save(conn, states, context)
        rows = [_timeline_row(state.complaint_id, entry) for state in states for entry in state.fresh]
        if rows:
            await conn.execute(INSERT_TIMELINE, *(list(column) for column in zip(*rows, strict=True)))


def _timeline_row(complaint: ComplaintId, entry: TimelineEntry) -> tuple[Any, ...]:
    facts = to_json(entry.facts, exclude_none=True).decode()
    return (complaint, entry.at, entry.kind, facts, entry.words, entry.public)


async def find(pool: asyncpg.Pool, sql: str, what: UUID | str) -> IntakeState | None:
    """The complaint as it stands, by `BY_ID` or `BY_REFERENCE`."""
    found = await pool.fetchval(sql, what)
    return IntakeState.model_validate_json(found) if found else None


async def timeline(pool: asyncpg.Pool, complaint: UUID, *, internal: bool) -> list[TimelineEntry]:
    """The lines of one complaint in the order in which things happened; `internal` ones only when asked for."""
    rows = await pool.fetch(TIMELINE, complaint, internal, TIMELINE_MAX)
    return [TimelineEntry.model_construct(**{**row, "facts": from_json(row["facts"])}) for row in rows]
