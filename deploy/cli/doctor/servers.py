"""Checks of the servers: can Kafka and PostgreSQL be reached, are topics, clock and schemas as they must be."""

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import psycopg
from yoyo import get_backend, read_migrations

from deploy.cli import topics
from deploy.cli.doctor.finding import Finding, note, todo, well
from deploy.local.topics import PARTITIONS
from shared.errors import Unavailable
from shared.storage.postgres import SHARED_SCHEMA

OLDEST_POSTGRES = 14
SKEW = 1.0  # seconds between the database's clock and ours
SERVICES = Path(__file__).parents[3] / "services"


async def kafka(at: str) -> list[Finding]:
    """Kafka and our topics in it."""
    try:
        found = await topics.look(at)
    except Unavailable as error:
        return [todo("Kafka", error.detail)]
    problems = topics.wrong(found, PARTITIONS)
    listed = [todo("Topics", sentence) for sentence in problems]
    return [well("Kafka", f"Kafka answers at {at}."), *(listed or [well("Topics", "All topics are as they must be.")])]


def postgres(dsns: Mapping[str, str]) -> list[Finding]:
    """Each service's own login: server version, clock, migrations."""
    return [finding for name, dsn in dsns.items() for finding in _service(name, dsn)]


def _service(name: str, dsn: str) -> list[Finding]:
    what = f"PostgreSQL for {name}"
    try:
        with psycopg.connect(dsn, connect_timeout=5) as connection:
            version = connection.info.server_version // 10_000
            skew = _skew(connection)
    except psycopg.OperationalError:
        return [
            todo(what, "It cannot be reached, or does not let us in. Check the address, the role and its password.")
        ]
    if version < OLDEST_POSTGRES:
        return [todo(what, f"It is version {version}; {OLDEST_POSTGRES} or newer is needed.")]
    known = [_migrations(name, dsn)] if (SERVICES / name).is_dir() else []
    return [well(what, f"PostgreSQL {version} answers."), clock(skew), *known]


def _skew(connection: psycopg.Connection) -> float:
    """The database's clock minus ours in seconds, less half of what asking took."""
    before = time.perf_counter()
    row = connection.execute("select clock_timestamp()").fetchone()
    took = time.perf_counter() - before
    return (row[0] - datetime.now(UTC)).total_seconds() + took / 2 if row else 0.0


def clock(skew: float) -> Finding:
    """Deadlines use the database's clock; logs and tokens use ours."""
    if abs(skew) > SKEW:
        return todo("Clock", f"The database's clock differs from this machine's by {skew:+.1f} s. Let both follow NTP.")
    return well("Clock", f"The database's clock agrees with this machine's within {abs(skew):.2f} s.")


def _migrations(name: str, dsn: str) -> Finding:
    what = f"Schema of {name}"
    schema = SERVICES / name / "schema"
    backend = get_backend(dsn.replace("postgresql://", "postgresql+psycopg://", 1))
    try:
        pending = len(backend.to_apply(read_migrations(str(SHARED_SCHEMA), str(schema))))
    finally:
        backend.connection.close()
    if pending:
        return note(what, f"{pending} migrations are still to come; the service applies them when it starts.")
    return well(what, "All migrations are applied.")
