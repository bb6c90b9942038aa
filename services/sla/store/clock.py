"""The database's clock, by which all replicas compare due times."""

from datetime import datetime

import asyncpg


async def database_now(db: asyncpg.Pool | asyncpg.Connection) -> datetime:
    """Return the database's time; within a transaction, the time at which it began."""
    now: datetime = await db.fetchval("select now()")
    return now
