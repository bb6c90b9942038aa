"""Where everything is: services, mailbox, Kafka, PostgreSQL, and the token to show.

What the environment says wins; else it is the embedded stack of this home.
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
OWN_NAME = "redress-cli"
LASTS = timedelta(hours=12)
NAMES = tuple(service.name for service in SERVICES)


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Base URLs by service."""

    urls: Mapping[str, str]

    def url(self, service: str) -> str:
        """Where that service answers. Raises `Misconfigured` for a name that is none of ours."""
        if service not in self.urls:
            raise Misconfigured(f"There is no service {service}; expected one of {', '.join(self.urls)}.")
        return self.urls[service]

    def client(self, service: str, *, token: str | None = None, seconds: float = 10.0) -> httpx.AsyncClient:
        """An HTTP client for that service, with the token when there is one."""
        headers = {"authorization": f"Bearer {token}"} if token else {}
        return httpx.AsyncClient(base_url=self.url(service), headers=headers, timeout=seconds)


def doors() -> Endpoints:
    """REDRESS_<SERVICE>_URL each, else this machine's ports."""
    places = PortConfig.from_environment()
    given = {name: os.environ.get(f"REDRESS_{name.upper()}_URL", places.url(name)) for name in NAMES}
    return Endpoints({name: url.rstrip("/") for name, url in given.items()})


def kafka_known() -> str | None:
    """Where Kafka is: as the services are told, else as embedded while it runs; None when neither."""
    port = PortConfig.from_environment().kafka
    return os.environ.get("REDRESS_KAFKA") or (f"{HOST}:{port}" if is_open(port) else None)


def dsns_known() -> dict[str, str]:
    """Each service's own login to PostgreSQL: as it is told, else as `redress up` provisioned it; empty when neither.

    A server that was given and never provisioned from here is known under the name `redress` alone.
    """
    own = {name: os.environ.get(f"{name.upper()}_POSTGRES") for name in NAMES}
    if known := {name: dsn for name, dsn in own.items() if dsn}:
        return known
    if given := os.environ.get("REDRESS_POSTGRES"):
        return _provisioned(given, passwords_file(home_folder(), given)) or {"redress": given}
    port = PortConfig.from_environment().postgres
    embedded = home_folder() / SECRETS / "postgres.json"
    return _provisioned(f"postgresql://{HOST}:{port}/redress", embedded) if is_open(port) else {}


def _provisioned(admin: str, passwords: Path) -> dict[str, str]:
    if not passwords.exists():
        return {}
    return {name: service_dsn(admin, name, word) for name, word in json.loads(passwords.read_text("utf-8")).items()}


def private_key() -> Path:
    """The key that signs tokens: from the environment, else the embedded stack's own."""
    given = os.environ.get(PRIVATE_KEY)
    return Path(given) if given else home_folder() / SECRETS / PRIVATE


def token() -> str:
    """REDRESS_TOKEN, else one made with the private key of the embedded stack. Raises `Misconfigured` with neither."""
    if given := os.environ.get(TOKEN):
        return given
    key = private_key()
    if not key.exists():
        raise Misconfigured(
            f"No token: set {TOKEN}, or {PRIVATE_KEY} to the key that signs tokens, or start the embedded stack here "
            "with `redress up`."
        )
    return create_token(
        key,
        client=OWN_NAME,
        scopes=frozenset(SCOPES),
        lasts=LASTS,
        audience=os.environ.get(AUDIENCE, "redress"),
    )
