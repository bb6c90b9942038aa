"""The only way to PostgreSQL: connections with the limits we live by, and migrations."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast
from urllib.parse import parse_qs, urlsplit

import asyncpg
from yoyo import get_backend, read_migrations

from shared.settings import ServiceSettings

KERNEL_SCHEMA = Path(__file__).parent / "schema"
SESSION = {
    "idle_in_transaction_session_timeout": "10s",  # a forgotten transaction would hold the relay's xmin
    "lock_timeout": "10s",
    "statement_timeout": "30s",
    "timezone": "UTC",
    "jit": "off",  # our statements are short; compiling them costs more than running them
}


class _Stateless(asyncpg.Connection):
    """We leave nothing in a session, so a connection goes back to the pool without a round trip to clean it."""

    def get_reset_query(self) -> str:
        return ""


async def connect(settings: ServiceSettings, name: str) -> asyncpg.Pool:
    """A pool for the service `name`. Raises what asyncpg raises when the server is away; the caller retries."""
    return await asyncpg.create_pool(
        settings.postgres.get_secret_value(),
        min_size=1,
        max_size=settings.postgres_pool_max,
        command_timeout=35,
        timeout=5,
        connection_class=_Stateless,
        max_inactive_connection_lifetime=300,
        server_settings={**SESSION, "application_name": f"redress-{name}"},
    )


@asynccontextmanager
async def transaction(pool: asyncpg.Pool) -> AsyncIterator[asyncpg.Connection]:
    """A connection of the pool, in a transaction that commits at the end or not at all."""
    async with pool.acquire() as conn, conn.transaction():
        yield cast("asyncpg.Connection", conn)  # the pool's proxy behaves as the connection it wraps


async def connect_alone(settings: ServiceSettings, name: str) -> asyncpg.Connection:
    """One connection outside the pool: for the relay's lock and for probes that must not wait for workers."""
    return await asyncpg.connect(
        settings.postgres.get_secret_value(),
        timeout=5,
        command_timeout=10,
        server_settings={**SESSION, "application_name": f"redress-{name}"},
    )


async def migrate(dsn: str, service_schema: Path) -> int:
    """Apply what is missing of the runtime's and the service's migrations, forward only. Returns how many were."""
    return await asyncio.to_thread(_migrate, dsn, service_schema)


def _migrate(dsn: str, service_schema: Path) -> int:
    backend = get_backend(dsn.replace("postgresql://", "postgresql+psycopg://", 1))
    try:
        with backend.lock():
            pending = backend.to_apply(read_migrations(str(KERNEL_SCHEMA), str(service_schema)))
            backend.apply_migrations(pending)
            return len(pending)
    finally:
        backend.connection.close()


def schema_of(dsn: str) -> str | None:
    """The first schema on the DSN's search path, as `options=-csearch_path=NAME` gives it."""
    options = parse_qs(urlsplit(dsn).query).get("options", [""])[0]
    return options.removeprefix("-csearch_path=") or None
