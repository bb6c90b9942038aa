"""Fixtures with real servers, started once per session, and databases."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from deploy.local.kafka import EmbeddedKafka
from deploy.local.postgres import EmbeddedPostgres
from deploy.local.provision import provision
from shared.auth import create_keys


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of all servers of this session."""
    return tmp_path_factory.mktemp("redress")


@pytest.fixture(scope="session")
def postgres(home: Path) -> Iterator[EmbeddedPostgres]:
    with EmbeddedPostgres(home) as server:
        yield server


@pytest.fixture(scope="session")
def kafka(home: Path) -> Iterator[EmbeddedKafka]:
    with EmbeddedKafka(home) as server:
        yield server


@pytest.fixture
def databases(postgres: EmbeddedPostgres) -> Iterator[Callable[[], dict[str, str]]]:
    """Create databases with the four schemas, each with the DSN of every service; dropped after the test."""
    with ExitStack() as created:
        yield lambda: created.enter_context(new_database(postgres))


@contextmanager
def new_database(postgres: EmbeddedPostgres) -> Iterator[dict[str, str]]:
    """Create a database with the four schemas and yield the DSN of each service; drop it at the end."""
    name = f"test_{uuid4().hex[:12]}"
    with psycopg.connect(postgres.dsn, autocommit=True) as admin:
        admin.execute(f"create database {name}")
    yield provision(postgres.dsn.rsplit("/", 1)[0] + f"/{name}", postgres.home / "secrets" / "postgres.json")
    with psycopg.connect(postgres.dsn, autocommit=True) as admin:
        admin.execute(f"drop database {name} with (force)")


@pytest.fixture
def dsns(databases: Callable[[], dict[str, str]]) -> dict[str, str]:
    """DSN by service name, in a database of this test."""
    return databases()


@pytest.fixture(scope="session")
def session_dsns(postgres: EmbeddedPostgres) -> Iterator[dict[str, str]]:
    """DSN by service name, in a database for tests that delete the rows of their service before they start."""
    with new_database(postgres) as dsns:
        yield dsns


@pytest.fixture(scope="module")
def module_dsns(postgres: EmbeddedPostgres) -> Iterator[dict[str, str]]:
    """DSN by service name, in a database that the tests of a module share."""
    with new_database(postgres) as dsns:
        yield dsns


@pytest.fixture(scope="session")
def keys(home: Path) -> tuple[Path, Path]:
    """Private and public key file for tokens."""
    private, public = home / "token.pem", home / "token.pub.pem"
    create_keys(private, public)
    return private, public
