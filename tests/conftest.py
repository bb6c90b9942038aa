"""Real servers for the tests that use them: started once per session, a new database for each test."""

from collections.abc import Callable, Iterator
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
    """Create a database with the four schemas and return each service's DSN; dropped after the test."""
    names: list[str] = []

    def make() -> dict[str, str]:
        name = f"test_{uuid4().hex[:12]}"
        with psycopg.connect(postgres.dsn, autocommit=True) as admin:
            admin.execute(f"create database {name}")
        names.append(name)
        return provision(postgres.dsn.rsplit("/", 1)[0] + f"/{name}", postgres.home / "secrets" / "postgres.json")

    yield make
    with psycopg.connect(postgres.dsn, autocommit=True) as admin:
        for name in names:
            admin.execute(f"drop database {name} with (force)")


@pytest.fixture
def dsns(databases: Callable[[], dict[str, str]]) -> dict[str, str]:
    """DSN by service name, in a database of this test."""
    return databases()


@pytest.fixture(scope="session")
def keys(home: Path) -> tuple[Path, Path]:
    """Private and public key file for tokens."""
    private, public = home / "token.pem", home / "token.pub.pem"
    create_keys(private, public)
    return private, public
