"""Public records on PostgreSQL: loaded and saved in bulk by the runner, read one at a time by the HTTP endpoints."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import asyncpg
from pydantic_core import from_json, to_json

from services.intake.domain import IntakeState, TimelineEntry
from services.intake.domain.context import IntakeContext
from shared.contracts import ComplaintId
from shared.runner.state_store import StateStore

# Insert new timeline entries in the order in which they were decided.
INSERT_TIMELINE = """
insert into timeline (complaint_id, at, kind, facts, words, public)
select complaint_id, at, kind, facts::jsonb, words, public
from unnest($1::uuid[], $2::timestamptz[], $3::text[], $4::text[], $5::text[], $6::boolean[])
    with ordinality as row(complaint_id, at, kind, facts, words, public, n)
order by n
"""
# Select one complaint. Complaints that intake has not created yet have no reference and are not shown.
SELECT_BY_ID = "select state from complaint where complaint_id = $1 and reference is not null"
SELECT_BY_REFERENCE = "select state from complaint where reference = $1"
# Select the timeline of one complaint from the beginning, with internal entries if $2.
SELECT_TIMELINE = """
select at, kind, facts, words, public from timeline
where complaint_id = $1 and (public or $2) order by at, id limit $3
"""
TIMELINE_MAX = 1000  # entries returned at once


class IntakeStore(StateStore[IntakeState, IntakeContext]):
    """States of intake, and the timeline entries that belong to them. Intake has no timers."""

    def __init__(self) -> None:
        super().__init__(
            IntakeState,
            promoted={"reference": "text", "status": "text"},
            promote=lambda state: (state.filed.reference if state.filed else None, state.status),
        )

    async def save(self, conn: asyncpg.Connection, states: Sequence[IntakeState], context: IntakeContext) -> None:
        """Save the states in one statement and their new timeline entries in another."""
        await super().save(conn, states, context)
        rows = [_timeline_row(state.complaint_id, entry) for state in states for entry in state.new_entries]
        if rows:
            await conn.execute(INSERT_TIMELINE, *(list(column) for column in zip(*rows, strict=True)))


def _timeline_row(complaint: ComplaintId, entry: TimelineEntry) -> tuple[Any, ...]:
    facts = to_json(entry.facts, exclude_none=True).decode()
    return (complaint, entry.at, entry.kind, facts, entry.words, entry.public)


async def find_by_id(pool: asyncpg.Pool, complaint: UUID) -> IntakeState | None:
    """Return the state of a complaint, without a lock."""
    return _decode(await pool.fetchval(SELECT_BY_ID, complaint))


async def find_by_reference(pool: asyncpg.Pool, reference: str) -> IntakeState | None:
    """Return the state of a complaint by its canonical reference, without a lock."""
    return _decode(await pool.fetchval(SELECT_BY_REFERENCE, reference))


async def load_timeline(pool: asyncpg.Pool, complaint: UUID, *, internal: bool) -> list[TimelineEntry]:
    """Return up to `TIMELINE_MAX` entries of one complaint in order of time; `internal` includes those not public."""
    rows = await pool.fetch(SELECT_TIMELINE, complaint, internal, TIMELINE_MAX)
    return [TimelineEntry.model_construct(**{**row, "facts": from_json(row["facts"])}) for row in rows]


def _decode(document: str | None) -> IntakeState | None:
    return IntakeState.model_validate_json(document) if document else None
