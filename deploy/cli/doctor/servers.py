"""Checks of Kafka and PostgreSQL: connection, topics, version, clock and schemas."""

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import psycopg
from yoyo import get_backend, read_migrations

from deploy.cli import topics
from deploy.cli.doctor.finding import Finding, note, todo, well
from deploy.local.provision import MIN_POSTGRES
from deploy.local.topics import PARTITIONS
from shared.errors import Unavailable
from shared.storage.postgres import SHARED_SCHEMA

MAX_SKEW_SECONDS = 1.0  # between the clocks of the database and of this machine
SERVICES_FOLDER = Path(__file__).parents[3] / "services"


async def check_kafka(address: str) -> list[Finding]:
    """Check the connection to Kafka and the topics of the services."""
    try:
        states = await topics.describe_topics(address)
    except Unavailable as error:
        return [todo("Kafka", error.detail)]
    problems = topics.find_problems(states, PARTITIONS)
    findings = [todo("Topics", sentence) for sentence in problems]
    return [well("Kafka", f"Kafka answers at {address}."), *(findings or [well("Topics", "All topics are correct.")])]


def check_postgres(dsns: Mapping[str, str]) -> list[Finding]:
    """Check the connection of each service: server version, clock, migrations."""
    return [finding for name, dsn in dsns.items() for finding in _check_database(name, dsn)]


def _check_database(name: str, dsn: str) -> list[Finding]:
    what = f"PostgreSQL for {name}"
    try:
        with psycopg.connect(dsn, connect_timeout=5) as connection:
            version = connection.info.server_version // 10_000
            skew = _measure_skew(connection)
    except psycopg.OperationalError:
        return [todo(what, "It cannot be reached, or refuses the login. Check the address, the role and its password.")]
    if version < MIN_POSTGRES:
        return [todo(what, f"It is version {version}; {MIN_POSTGRES} or newer is needed.")]
    migrations = [_check_migrations(name, dsn)] if (SERVICES_FOLDER / name).is_dir() else []
    return [well(what, f"PostgreSQL {version} answers."), check_clock(skew), *migrations]


def _measure_skew(connection: psycopg.Connection) -> float:
    """Return the database's clock minus this machine's in seconds, corrected by half of the round trip."""
    before = time.perf_counter()
    row = connection.execute("select clock_timestamp()").fetchone()
    duration = time.perf_counter() - before
    return (row[0] - datetime.now(UTC)).total_seconds() + duration / 2 if row else 0.0


def check_clock(skew: float) -> Finding:
    """Check the difference of the clocks: deadlines use the database's clock, logs and tokens this machine's."""
    if abs(skew) > MAX_SKEW_SECONDS:
        return todo("Clock", f"The database's clock differs from this machine's by {skew:+.1f} s. Let both follow NTP.")
    return well("Clock", f"The database's clock agrees with this machine's within {abs(skew):.2f} s.")


def _check_migrations(name: str, dsn: str) -> Finding:
    what = f"Schema of {name}"
    schema = SERVICES_FOLDER / name / "schema"
    backend = get_backend(dsn.replace("postgresql://", "postgresql+psycopg://", 1))
    try:
        pending = len(backend.to_apply(read_migrations(str(SHARED_SCHEMA), str(schema))))
    finally:
        backend.connection.close()
    if pending:
        return note(what, f"{pending} migrations are pending; the service applies them when it starts.")
    return well(what, "All migrations are applied.")
