"""Drafts of rulebooks on PostgreSQL. A draft has no effect before it is published.

A change needs the version that its author has read. The results of a dry run and a back-test belong to the contents: a
replaced draft has neither.
"""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal, NamedTuple
from uuid import UUID

import asyncpg
from uuid_utils.compat import uuid7

from services.sla.store.revisions import Database
from shared.errors import NotFound, PreconditionFailed, Rejected

RehearsalKind = Literal["dry_run", "back_test"]
DRAFTS_MAX = 200  # a forgotten draft costs little, but a longer list is not read

# A rehearsal stores its progress every second. One without progress for this long ended with its process.
_INTERRUPTED = "interval '1 minute'"
_RESULT = {
    kind: f"""case when {kind}->>'status' = 'running' and ({kind}->>'at')::timestamptz < now() - {_INTERRUPTED}
              then {kind} || '{{"status": "interrupted"}}' else {kind} end"""
    for kind in ("dry_run", "back_test")
}
_FIELDS = f"draft_id, version, document, actor, changed_at, {_RESULT['dry_run']}, {_RESULT['back_test']}"
INSERT_DRAFT = f"""
    insert into draft (draft_id, document, actor)
    select $1, $2, $3 where (select count(*) from draft) < $4
    returning {_FIELDS}
"""  # noqa: S608 (constant column names, here and below)
SELECT_DRAFT = f"select {_FIELDS} from draft where draft_id = $1"  # noqa: S608
SELECT_DRAFTS = f"select {_FIELDS} from draft order by changed_at desc, draft_id"  # noqa: S608
REPLACE_DRAFT = f"""
    update draft set document = $3, actor = $4, version = version + 1, changed_at = now(),
                     dry_run = null, back_test = null
    where draft_id = $1 and version = $2
    returning {_FIELDS}
"""  # noqa: S608
# Changes nothing if the draft was replaced, nor with a run as $4 if another rehearsal of this kind was begun.
SAVE_REHEARSAL = {
    kind: f"""update draft set {kind} = $3::jsonb || jsonb_build_object('at', now())
              where draft_id = $1 and version = $2 and ($4::text is null or {kind}->>'run' = $4) returning 1"""  # noqa: S608
    for kind in _RESULT
}


class RulebookDraft(NamedTuple):
    """Draft of a rulebook. `dry_run` and `back_test` are the last results, with the parameters of the run."""

    id: UUID
    version: int
    document: dict[str, Any]
    actor: str
    changed_at: datetime
    dry_run: dict[str, Any] | None
    back_test: dict[str, Any] | None


async def insert_draft(conn: asyncpg.Connection, document: str, actor: str) -> RulebookDraft:
    """Insert a new draft. Raises `Rejected` if there are too many."""
    row = await conn.fetchrow(INSERT_DRAFT, uuid7(), document, actor, DRAFTS_MAX)
    if row is None:
        raise Rejected(f"there are {DRAFTS_MAX} drafts already; delete one that is not needed")
    return _draft(row)


async def select_draft(db: Database, draft: UUID, *, lock: bool = False) -> RulebookDraft:
    """Return a draft. Raises `NotFound`."""
    row = await db.fetchrow(f"{SELECT_DRAFT} for update" if lock else SELECT_DRAFT, draft)
    if row is None:
        raise NotFound("there is no such draft; it may have been published or deleted")
    return _draft(row)


async def lock_draft(conn: asyncpg.Connection, draft: UUID, version: int) -> RulebookDraft:
    """Lock and return a draft if it still has this version. Raises `NotFound` or `PreconditionFailed`."""
    current = await select_draft(conn, draft, lock=True)
    if current.version != version:
        raise PreconditionFailed(f"the draft has version {current.version} by now; read it again")
    return current


async def select_drafts(db: Database) -> Sequence[RulebookDraft]:
    """Return all drafts, the last changed first."""
    return [_draft(row) for row in await db.fetch(SELECT_DRAFTS)]


async def replace_draft(
    conn: asyncpg.Connection, draft: UUID, version: int, document: str, actor: str
) -> RulebookDraft:
    """Replace the contents and raise the version. Raises `NotFound` or `PreconditionFailed`."""
    await lock_draft(conn, draft, version)
    row = await conn.fetchrow(REPLACE_DRAFT, draft, version, document, actor)
    assert row is not None  # noqa: S101  # this transaction holds its lock
    return _draft(row)


async def delete_draft(conn: asyncpg.Connection, draft: UUID, version: int) -> None:
    """Delete a draft. Raises `NotFound` or `PreconditionFailed`."""
    await lock_draft(conn, draft, version)
    await conn.execute("delete from draft where draft_id = $1 and version = $2", draft, version)


async def begin_rehearsal(
    conn: asyncpg.Connection, draft: RulebookDraft, kind: RehearsalKind, progress: dict[str, Any]
) -> None:
    """Begin a rehearsal of this version; the result of one that still runs is dropped. Raises `PreconditionFailed`."""
    if not await conn.fetchval(SAVE_REHEARSAL[kind], draft.id, draft.version, json.dumps(progress), None):
        raise PreconditionFailed("the draft was changed meanwhile; read it again")


async def save_rehearsal(db: Database, draft: RulebookDraft, kind: RehearsalKind, result: dict[str, Any]) -> bool:
    """Save progress or result of a rehearsal. Return False if a newer rehearsal or version has replaced it."""
    parameters = (draft.id, draft.version, json.dumps(result), result["run"])
    return bool(await db.fetchval(SAVE_REHEARSAL[kind], *parameters))


def _draft(row: asyncpg.Record) -> RulebookDraft:
    dry_run, back_test = (json.loads(result) if result else None for result in (row[5], row[6]))
    return RulebookDraft(row[0], row[1], json.loads(row[2]), row[3], row[4], dry_run, back_test)
