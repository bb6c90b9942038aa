"""Connections to PostgreSQL with the limits of the project, and migrations."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast

import asyncpg
from yoyo import get_backend, read_migrations

from shared.settings import ServiceSettings

SHARED_SCHEMA = Path(__file__).parent / "schema"
SESSION_SETTINGS = {
    "idle_in_transaction_session_timeout": "10s",  # a transaction that stays open stops the relay (see outbox)
    "lock_timeout": "10s",
    "statement_timeout": "30s",
    "timezone": "UTC",
    "jit": "off",  # the statements are short; compiling them costs more than running them
}


class _StatelessConnection(asyncpg.Connection):
    """Connection without session state: it returns to the pool without a round trip that resets it."""

    def get_reset_query(self) -> str:
        return ""


async def connect(settings: ServiceSettings, name: str) -> asyncpg.Pool:
    """Open a connection pool for the service `name`. Raises errors of asyncpg if the server is not available."""
    return await asyncpg.create_pool(
        settings.postgres.get_secret_value(),
        min_size=1,
        max_size=settings.postgres_pool_max,
        command_timeout=35,
        timeout=5,
        connection_class=_StatelessConnection,
        max_inactive_connection_lifetime=300,
        server_settings={**SESSION_SETTINGS, "application_name": f"redress-{name}"},
    )


@asynccontextmanager
async def transaction(pool: asyncpg.Pool) -> AsyncIterator[asyncpg.Connection]:
    """Provide a connection in a transaction that commits at the end, or rolls back on an exception."""
    async with pool.acquire() as conn, conn.transaction():
        yield cast("asyncpg.Connection", conn)  # the proxy of the pool behaves like the connection


async def connect_alone(settings: ServiceSettings, name: str) -> asyncpg.Connection:
    """Open a connection outside the pool, for the relay's lock and for probes that must not wait for workers."""
    return await asyncpg.connect(
        settings.postgres.get_secret_value(),
        timeout=5,
        command_timeout=10,
        server_settings={**SESSION_SETTINGS, "application_name": f"redress-{name}"},
    )


async def migrate(dsn: str, service_schema: Path) -> int:
    """Apply the missing migrations, first the shared ones, then the service's. Return how many were applied."""
    return await asyncio.to_thread(_migrate, dsn, service_schema)


def _migrate(dsn: str, service_schema: Path) -> int:
    backend = get_backend(dsn.replace("postgresql://", "postgresql+psycopg://", 1))
    try:
        with backend.lock():
            pending = backend.to_apply(read_migrations(str(SHARED_SCHEMA), str(service_schema)))
            backend.apply_migrations(pending)
            return len(pending)
    finally:
        backend.connection.close()
