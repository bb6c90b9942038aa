"""Roles and schemas in PostgreSQL: one of each per service, on the embedded server or on a server of the user."""

import json
import secrets
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

import psycopg
from psycopg import sql

from shared.contracts.topics import SERVICES
from shared.errors import Misconfigured, Unavailable

# The SQL itself needs 13 (xid8). Only since 15 are ordinary roles not allowed to create tables in the schema `public`,
# which the separation of the services relies on, and older versions get no security updates any more.
MIN_POSTGRES = 15


def provision(admin_dsn: str, passwords_file: Path | None = None) -> dict[str, str]:
    """Create missing roles and schemas and return each service's DSN; safe to repeat.

    A role owns its own schema and has no access to the others. Passwords are stored in `passwords_file`, or are new
    each time. Raises `Unavailable` if the server does not answer and `Misconfigured` if the admin lacks a right.
    """
    passwords = _load_passwords(passwords_file)
    try:
        with psycopg.connect(admin_dsn, autocommit=True, connect_timeout=10) as connection:
            for name, password in passwords.items():
                _provision_service(connection, name, password)
            _restrict_access(connection, list(passwords))
    except psycopg.OperationalError as error:
        raise Unavailable(f"PostgreSQL refuses the connection: {error}") from None
    except psycopg.errors.InsufficientPrivilege as error:
        raise Misconfigured(
            f"The PostgreSQL admin role must be able to create roles and schemas in its database: {error}"
        ) from None
    return {name: service_dsn(admin_dsn, name, password) for name, password in passwords.items()}


def role_name(name: str) -> str:
    """Name of the service's role. It has a prefix because all databases of a server share their roles."""
    return f"redress_{name}"


def service_dsn(admin_dsn: str, name: str, password: str) -> str:
    """DSN of the same server and database with the service's role, and its schema as search path."""
    parts = urlsplit(admin_dsn)
    host = parts.netloc.rpartition("@")[2]
    query = "&".join(item for item in (parts.query, f"options=-csearch_path%3D{name}") if item)
    return urlunsplit(parts._replace(netloc=f"{role_name(name)}:{quote(password)}@{host}", query=query))


def _load_passwords(file: Path | None) -> dict[str, str]:
    stored: dict[str, str] = {}
    if file is not None and file.exists():
        stored = json.loads(file.read_text("utf-8"))
    passwords = {service.name: stored.get(service.name) or secrets.token_urlsafe(24) for service in SERVICES}
    if file is not None and passwords != stored:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        file.touch(mode=0o600)
        file.write_text(json.dumps(passwords), "utf-8")
    return passwords


def _provision_service(connection: psycopg.Connection, name: str, password: str) -> None:
    role, schema = sql.Identifier(role_name(name)), sql.Identifier(name)
    existing = connection.execute("select from pg_roles where rolname = %s", [role_name(name)]).fetchone()
    if existing is None:
        connection.execute(sql.SQL("create role {} login").format(role))
        connection.execute(sql.SQL("grant {} to current_user").format(role))  # needed if the admin is not a superuser
    connection.execute(sql.SQL("alter role {} password {}").format(role, sql.Literal(password)))
    connection.execute(sql.SQL("alter role {} set idle_in_transaction_session_timeout = '10s'").format(role))
    connection.execute(sql.SQL("create schema if not exists {} authorization {}").format(schema, role))
    connection.execute(sql.SQL("revoke all on schema {} from public").format(schema))


def _restrict_access(connection: psycopg.Connection, names: list[str]) -> None:
    """Allow only these roles to create tables here, and no role to create tables in `public`."""
    database = sql.Identifier(connection.info.dbname)
    roles = sql.SQL(", ").join(sql.Identifier(role_name(name)) for name in names)
    connection.execute(sql.SQL("grant connect, temporary on database {} to {}").format(database, roles))
    connection.execute("revoke create on schema public from public")
