"""Ports of the stack; every port can be set by an environment variable."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace

from deploy.local.ports import HOST, find_free_port, require_free
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
DESCRIPTIONS = {
    "controller": "Kafka's controller",
    "kafka": "Kafka",
    "postgres": "PostgreSQL",
    "smtp": "the mailbox's SMTP",
}


@dataclass(frozen=True, slots=True)
class PortConfig:
    """Ports on 127.0.0.1. Kafka and PostgreSQL do not use their default ports, which another server may use already."""

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
        """Return the defaults, overridden by the environment. Raises `Misconfigured` for a value that is not a port."""
        overrides = {
            name: _parse_port(variable, environment[variable])
            for name, variable in VARIABLES.items()
            if environment.get(variable)
        }
        return replace(cls(), **overrides)

    @classmethod
    def free(cls) -> "PortConfig":
        """Return ports that are free now, for tests."""
        return cls(**{field.name: find_free_port() for field in fields(cls)})

    def url(self, name: str) -> str:
        """Base URL of a service or of the mailbox."""
        return f"http://{HOST}:{getattr(self, name)}"

    def require_free(self, *names: str) -> None:
        """Raise `Misconfigured` for the first port that another program uses."""
        for name in names:
            description = DESCRIPTIONS.get(name, f"the {name} service" if name != "mailbox" else "the mailbox's page")
            require_free(getattr(self, name), what=description, variable=VARIABLES[name])


def _parse_port(variable: str, text: str) -> int:
    if not (text.isascii() and text.isdecimal()) or not 0 < int(text) < 65536:
        raise Misconfigured(f"{variable}: expected a port from 1 to 65535, got {text!r}.")
    return int(text)
