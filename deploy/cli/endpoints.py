"""Endpoints of services, mailbox, Kafka and PostgreSQL, and the token for requests.

Environment variables have priority; without them the embedded stack of this home is used.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import httpx

from deploy.local.data_dir import home_folder
from deploy.local.keys import PRIVATE, passwords_file
from deploy.local.port_config import PortConfig
from deploy.local.ports import HOST, is_open
from deploy.local.provision import service_dsn
from shared.auth import SCOPES, create_token
from shared.contracts import SERVICES
from shared.errors import Misconfigured

TOKEN = "REDRESS_TOKEN"  # noqa: S105 (the name of a variable)
PRIVATE_KEY = "REDRESS_AUTH_PRIVATE_KEY_FILE"
AUDIENCE = "REDRESS_AUTH_AUDIENCE"
SECRETS = "secrets"
CLIENT_NAME = "redress-cli"
TOKEN_LIFETIME = timedelta(hours=12)
SERVICE_NAMES = tuple(service.name for service in SERVICES)


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Base URLs by service."""

    urls: Mapping[str, str]

    def url(self, service: str) -> str:
        """Base URL of the service. Raises `Misconfigured` for an unknown name."""
        if service not in self.urls:
            raise Misconfigured(f"Unknown service {service}; expected one of {', '.join(self.urls)}.")
        return self.urls[service]

    def client(self, service: str, *, token: str | None = None, seconds: float = 10.0) -> httpx.AsyncClient:
        """HTTP client for the service, with the token if there is one."""
        headers = {"authorization": f"Bearer {token}"} if token else {}
        return httpx.AsyncClient(base_url=self.url(service), headers=headers, timeout=seconds)


def find_endpoints() -> Endpoints:
    """Return the URLs in REDRESS_<SERVICE>_URL, else those of this machine's ports."""
    ports = PortConfig.from_environment()
    urls = {name: os.environ.get(f"REDRESS_{name.upper()}_URL", ports.url(name)) for name in SERVICE_NAMES}
    return Endpoints({name: url.rstrip("/") for name, url in urls.items()})


def find_kafka() -> str | None:
    """Return the address of Kafka: from the environment, else of the running embedded one; None without either."""
    port = PortConfig.from_environment().kafka
    return os.environ.get("REDRESS_KAFKA") or (f"{HOST}:{port}" if is_open(port) else None)


def find_dsns() -> dict[str, str]:
    """Return each service's DSN: from its own variable, else as `redress up` provisioned it; empty without either.

    A server in REDRESS_POSTGRES that was never provisioned from here is returned under the name `redress` alone.
    """
    variables = {name: os.environ.get(f"{name.upper()}_POSTGRES") for name in SERVICE_NAMES}
    if dsns := {name: dsn for name, dsn in variables.items() if dsn}:
        return dsns
    if admin := os.environ.get("REDRESS_POSTGRES"):
        return _provisioned_dsns(admin, passwords_file(home_folder(), admin)) or {"redress": admin}
    port = PortConfig.from_environment().postgres
    embedded = home_folder() / SECRETS / "postgres.json"
    return _provisioned_dsns(f"postgresql://{HOST}:{port}/redress", embedded) if is_open(port) else {}


def _provisioned_dsns(admin: str, passwords: Path) -> dict[str, str]:
    if not passwords.exists():
        return {}
    return {
        name: service_dsn(admin, name, password) for name, password in json.loads(passwords.read_text("utf-8")).items()
    }


def private_key_file() -> Path:
    """Return the file of the key that signs tokens: from the environment, else of the embedded stack."""
    path = os.environ.get(PRIVATE_KEY)
    return Path(path) if path else home_folder() / SECRETS / PRIVATE


def obtain_token() -> str:
    """Return REDRESS_TOKEN, else a new token signed with the private key. Raises `Misconfigured` without a key."""
    if token := os.environ.get(TOKEN):
        return token
    key = private_key_file()
    if not key.exists():
        raise Misconfigured(
            f"No token: set {TOKEN}, or {PRIVATE_KEY} to the key that signs tokens, or start the embedded stack here "
            "with `redress up`."
        )
    return create_token(
        key,
        client=CLIENT_NAME,
        scopes=frozenset(SCOPES),
        lasts=TOKEN_LIFETIME,
        audience=os.environ.get(AUDIENCE, "redress"),
    )
