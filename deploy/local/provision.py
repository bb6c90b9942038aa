"""One role and one schema per service, on our own PostgreSQL or on one that the user already has."""

import json
import secrets
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

import psycopg
from psycopg import sql

from shared.contracts.topics import SERVICES
from shared.errors import Misconfigured, Unavailable


def provision(admin_dsn: str, keep: Path | None = None) -> dict[str, str]:
    """Create what is missing and return each service's DSN; safe to repeat.

    A role owns its schema and may use no other. Passwords are kept in the file `keep`, or are new each time.
    Raises `Unavailable` when the server does not answer and `Misconfigured` when the admin lacks a right.
    """
    passwords = _passwords(keep)
    try:
        with psycopg.connect(admin_dsn, autocommit=True, connect_timeout=10) as connection:
            for name, password in passwords.items():
                _provision_one(connection, name, password)
            _close_the_rest(connection, list(passwords))
    except psycopg.OperationalError as error:
        raise Unavailable(f"PostgreSQL does not let us in: {error}") from None
    except psycopg.errors.InsufficientPrivilege as error:
        raise Misconfigured(
            f"The PostgreSQL role given must be able to create roles and schemas in its database: {error}"
        ) from None
    return {name: service_dsn(admin_dsn, name, password) for name, password in passwords.items()}


def role_of(name: str) -> str:
    """The service's role; prefixed, because roles are shared by all databases of a server."""
    return f"redress_{name}"


def service_dsn(admin_dsn: str, name: str, password: str) -> str:
    """The same server and database with the service's role and its schema as search path."""
    parts = urlsplit(admin_dsn)
    place = parts.netloc.rpartition("@")[2]
    query = "&".join(item for item in (parts.query, f"options=-csearch_path%3D{name}") if item)
    return urlunsplit(parts._replace(netloc=f"{role_of(name)}:{quote(password)}@{place}", query=query))


def _passwords(keep: Path | None) -> dict[str, str]:
    kept: dict[str, str] = {}
    if keep is not None and keep.exists():
        kept = json.loads(keep.read_text("utf-8"))
    passwords = {service.name: kept.get(service.name) or secrets.token_urlsafe(24) for service in SERVICES}
    if keep is not None and passwords != kept:
        keep.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        keep.touch(mode=0o600)
        keep.write_text(json.dumps(passwords), "utf-8")
    return passwords


def _provision_one(connection: psycopg.Connection, name: str, password: str) -> None:
    role, schema = sql.Identifier(role_of(name)), sql.Identifier(name)
    known = connection.execute("select from pg_roles where rolname = %s", [role_of(name)]).fetchone()
    if known is None:
        connection.execute(sql.SQL("create role {} login").format(role))
        connection.execute(sql.SQL("grant {} to current_user").format(role))  # needed unless we are superuser
    connection.execute(sql.SQL("alter role {} password {}").format(role, sql.Literal(password)))
    connection.execute(sql.SQL("alter role {} set idle_in_transaction_session_timeout = '10s'").format(role))
    connection.execute(sql.SQL("create schema if not exists {} authorization {}").format(schema, role))
    connection.execute(sql.SQL("revoke all on schema {} from public").format(schema))


def _close_the_rest(connection: psycopg.Connection, names: list[str]) -> None:
    """Nobody but these roles connects to this database by default, and nobody creates in `public`."""
    database = sql.Identifier(connection.info.dbname)
    roles = sql.SQL(", ").join(sql.Identifier(role_of(name)) for name in names)
    connection.execute(sql.SQL("grant connect, temporary on database {} to {}").format(database, roles))
    connection.execute("revoke create on schema public from public")
