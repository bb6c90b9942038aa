"""Settings that all services have. They are read from the environment; secrets also from files."""

import os
from pathlib import Path
from typing import Any, TypeVar

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SecretsSettingsSource,
    SettingsConfigDict,
)

from shared.errors import Misconfigured

SHARED_PREFIX = "REDRESS_"


class ServiceSettings(BaseSettings):
    """Settings of a process; frozen.

    A variable with the service's own prefix overrides the one with `REDRESS_`. A secret may also be a file with the
    name of the variable in lower case, in the folder `REDRESS_SECRETS_DIR`.
    """

    model_config = SettingsConfigDict(frozen=True, extra="ignore")

    kafka: str = Field(default="127.0.0.1:9092", description="Bootstrap servers of Kafka, HOST:PORT, comma separated.")
    kafka_ca_file: Path | None = Field(
        default=None, description="CA certificate; when set, connections to Kafka use TLS and verify against it."
    )
    kafka_username: str | None = Field(default=None, description="SCRAM-SHA-512 user; needs `kafka_password` and TLS.")
    kafka_password: SecretStr | None = Field(default=None, description="Password of `kafka_username`.")
    postgres: SecretStr = Field(
        default=SecretStr("postgresql://127.0.0.1:5432/redress"), description="DSN of this service's own database role."
    )
    postgres_pool_max: int = Field(default=8, ge=2, le=100, description="Largest number of connections to PostgreSQL.")
    host: str = Field(default="127.0.0.1", description="Address on which HTTP listens.")
    port: int = Field(default=8080, ge=0, le=65535, description="Port on which HTTP listens; 0 takes a free one.")
    auth_public_key_file: Path | None = Field(
        default=None, description="Ed25519 public key (PEM) with which bearer tokens are verified."
    )
    auth_jwks_url: str | None = Field(
        default=None, description="JWKS of an identity provider, used instead of the key file."
    )
    auth_issuer: str | None = Field(default=None, description="Issuer that tokens must have; unset accepts any.")
    auth_audience: str = Field(default="redress", description="Audience that tokens must have.")
    batch_max: int = Field(default=500, ge=1, le=5000, description="Largest number of events in one transaction.")
    batch_wait_ms: int = Field(
        default=20, ge=1, le=1000, description="Milliseconds to wait for the first event of a batch."
    )
    pace_ms: int = Field(
        default=40,
        ge=0,
        le=1000,
        description="Milliseconds between small batches, relay rounds or command groups, in which more gather.",
    )
    breaker_in_a_row: int = Field(
        default=50,
        ge=1,
        description="Number of records in a row that cannot be applied, after which the service stops consuming.",
    )
    breaker_percent: int = Field(
        default=50,
        ge=1,
        le=100,
        description="Percentage of records of a batch (at least 20) that cannot be applied, above which the service "
        "stops consuming.",
    )
    retry_seconds: float = Field(
        default=60.0, gt=0, description="Seconds for which a batch is retried before it is fetched from Kafka again."
    )
    relay_batch: int = Field(default=2000, ge=1, le=20000, description="Outbox rows per round of the relay.")
    outbox_truncate_seconds: int = Field(
        default=600,
        ge=60,
        description="Seconds between attempts to truncate outbox partitions whose events are all published.",
    )
    event_bytes_max: int = Field(
        default=900_000, ge=10_000, le=1_000_000, description="Largest size of one event; below the 1 MiB of Kafka."
    )
    inbox_keep_days: int = Field(
        default=30,
        ge=1,
        description="Days for which event ids are kept; must be longer than Kafka may deliver an event again.",
    )
    tick_ms: int = Field(
        default=400,
        ge=10,
        description="Longest sleep between two looks for due timers, in milliseconds. A timer written by a process "
        "that crashed waits at most this long.",
    )
    tick_batch: int = Field(default=250, ge=1, le=5000, description="Largest number of timers in one transaction.")
    tick_flights: int = Field(
        default=2,
        ge=1,
        le=8,
        description="Largest number of concurrent transactions that fire timers, if one batch is not enough.",
    )
    watchdog_seconds: float = Field(
        default=60.0,
        gt=0,
        description="Seconds of lag without progress after which the process exits, to be restarted.",
    )
    stop_seconds: float = Field(default=25.0, gt=0, description="Longest duration of a graceful stop, in seconds.")
    log_level: str = Field(default="INFO", description="DEBUG, INFO, WARNING or ERROR.")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Return the sources in order of priority: arguments, own prefix, shared prefix, secret files; no .env file."""
        del dotenv_settings, file_secret_settings
        folder = os.environ.get("REDRESS_SECRETS_DIR")
        files: tuple[PydanticBaseSettingsSource, ...] = ()
        if folder:
            prefixes = (settings_cls.model_config.get("env_prefix", ""), SHARED_PREFIX)
            files = tuple(SecretsSettingsSource(settings_cls, folder, env_prefix=p.lower()) for p in prefixes)
        return (init_settings, env_settings, EnvSettingsSource(settings_cls, env_prefix=SHARED_PREFIX), *files)


T = TypeVar("T", bound=ServiceSettings)


def load_settings(settings: type[T], **arguments: Any) -> T:
    """Read the settings. Raises `Misconfigured` with the name of each wrong variable and what was expected."""
    try:
        return settings(**arguments)
    except ValidationError as error:
        prefix = settings.model_config.get("env_prefix", "")
        lines = [
            f"{prefix}{'_'.join(str(part) for part in item['loc']).upper()}: {item['msg']}"
            for item in error.errors(include_input=False, include_url=False)
        ]
        raise Misconfigured("settings: " + "; ".join(lines)) from None
