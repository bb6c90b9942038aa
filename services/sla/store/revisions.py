"""Published revisions of the rulebook on PostgreSQL."""

import json
from collections.abc import Sequence
from typing import Any

import asyncpg

from services.sla.policies import Document, Mode

Database = asyncpg.Pool | asyncpg.Connection
SELECT_NEWEST_REVISION = "select max(revision) from rulebook"
SELECT_DOCUMENTS = "select document, revision, mode, reason, actor, published_at from rulebook order by revision"
SELECT_REVISION = f"""
    select revision, mode, reason, actor, published_at, document from rulebook
    where revision = coalesce($1, ({SELECT_NEWEST_REVISION}))
"""  # noqa: S608 (a constant)
SELECT_REVISIONS = "select revision, mode, reason, actor, published_at from rulebook order by revision desc limit $1"
INSERT_REVISION = f"""
    insert into rulebook (revision, document, mode, reason, actor)
    values (coalesce(({SELECT_NEWEST_REVISION}), 0) + 1, $1, $2, $3, $4)
    returning revision
"""  # noqa: S608 (a constant)


async def lock_revisions(conn: asyncpg.Connection) -> None:
    """Make other publications wait until this transaction ends; readers go on."""
    await conn.execute("lock table rulebook in share row exclusive mode")


async def newest_revision(db: Database) -> int | None:
    """Return the number of the newest revision; None before the first."""
    revision: int | None = await db.fetchval(SELECT_NEWEST_REVISION)
    return revision


async def newest_recomputing_revision(db: Database) -> int | None:
    """Return the newest revision that applies to open complaints, so not one for new complaints only."""
    revision: int | None = await db.fetchval("select max(revision) from rulebook where mode <> 'new_only'")
    return revision


async def select_documents(conn: asyncpg.Connection) -> Sequence[Document]:
    """Return every published document, the oldest first."""
    return [Document(json.loads(row[0]), *row[1:]) for row in await conn.fetch(SELECT_DOCUMENTS)]


async def select_newest_document(conn: asyncpg.Connection) -> tuple[str, str] | None:
    """Return the newest document as JSON text and the actor who published it."""
    row = await conn.fetchrow("select document, actor from rulebook order by revision desc limit 1")
    return (row[0], row[1]) if row else None


async def select_document_of(conn: asyncpg.Connection, actor: str) -> str | None:
    """Return the newest document that this actor published, as JSON text."""
    query = "select document from rulebook where actor = $1 order by revision desc limit 1"
    document: str | None = await conn.fetchval(query, actor)
    return document


async def select_revision(pool: asyncpg.Pool, number: int | None) -> dict[str, Any] | None:
    """Return one revision with its document, the newest if `number` is None."""
    row = await pool.fetchrow(SELECT_REVISION, number)
    return dict(row) | {"document": json.loads(row["document"])} if row else None


async def select_revisions(pool: asyncpg.Pool, limit: int) -> Sequence[asyncpg.Record]:
    """Return the newest revisions without their documents, the newest first."""
    return list(await pool.fetch(SELECT_REVISIONS, limit))


async def insert_revision(conn: asyncpg.Connection, document: str, mode: Mode, reason: str, actor: str) -> int:
    """Insert the next revision and return its number. Call `lock_revisions` before, in the same transaction."""
    return int(await conn.fetchval(INSERT_REVISION, document, mode, reason, actor))
