"""Which ports the stack uses; every one can be chosen by a variable of the environment."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace

from deploy.local.ports import HOST, free_port, require_free
from shared.errors import Misconfigured

VARIABLES = {
    "intake": "INTAKE_PORT",
    "triage": "TRIAGE_PORT",
    "sla": "SLA_PORT",
    "notify": "NOTIFY_PORT",
    "kafka": "REDRESS_KAFKA_PORT",
    "controller": "REDRESS_KAFKA_CONTROLLER_PORT",
    "postgres": "REDRESS_POSTGRES_PORT",
    "smtp": "REDRESS_SMTP_PORT",
    "mailbox": "REDRESS_MAILBOX_PORT",
}
MEANING = {"controller": "Kafka's controller", "kafka": "Kafka", "postgres": "PostgreSQL", "smtp": "the mailbox's SMTP"}


@dataclass(frozen=True, slots=True)
class PortConfig:
    """Ports on 127.0.0.1. Kafka's and PostgreSQL's are not the usual ones, which a server of the user's may hold."""

    intake: int = 8080
    triage: int = 8081
    sla: int = 8082
    notify: int = 8083
    kafka: int = 19092
    controller: int = 19093
    postgres: int = 15432
    smtp: int = 2525
    mailbox: int = 8025

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> "PortConfig":
        """The defaults, and what the environment says otherwise. Raises `Misconfigured` for what is no port."""
        given = {
            name: _port(variable, environment[variable])
            for name, variable in VARIABLES.items()
            if environment.get(variable)
        }
        return replace(cls(), **given)

    @classmethod
    def free(cls) -> "PortConfig":
        """Ports that nobody uses now, for tests."""
        return cls(**{place.name: free_port() for place in fields(cls)})

    def url(self, name: str) -> str:
        """Where a service or the mailbox answers HTTP."""
        return f"http://{HOST}:{getattr(self, name)}"

    def require_free(self, *names: str) -> None:
        """Raises `Misconfigured` for the first port that another program holds."""
        for name in names:
            what = MEANING.get(name, f"the {name} service" if name != "mailbox" else "the mailbox's page")
            require_free(getattr(self, name), what=what, variable=VARIABLES[name])


def _port(variable: str, text: str) -> int:
    if not (text.isascii() and text.isdecimal()) or not 0 < int(text) < 65536:
        raise Misconfigured(f"{variable}: expected a port from 1 to 65535, got {text!r}.")
    return int(text)
