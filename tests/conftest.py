"""Real servers for the tests that use them: started once per session, a new database for each test."""

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
    """Create a database with the four schemas; give each service's DSN."""
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
