"""Settings that every service has. Only from the environment, or from files for what must stay secret."""

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
    """One frozen object per process.

    A service's own prefix wins over `REDRESS_`. A secret may also be a file named like the variable in lower case,
    in the folder that `REDRESS_SECRETS_DIR` names.
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
    postgres_pool_max: int = Field(default=8, ge=2, le=100, description="Connections to PostgreSQL at most.")
    host: str = Field(default="127.0.0.1", description="Address that HTTP listens on.")
    port: int = Field(default=8080, ge=0, le=65535, description="Port that HTTP listens on; 0 picks a free one.")
    auth_public_key_file: Path | None = Field(
        default=None, description="Ed25519 public key (PEM) that bearer tokens are verified with."
    )
    auth_jwks_url: str | None = Field(
        default=None, description="JWKS of an identity provider, used instead of the key file."
    )
    auth_issuer: str | None = Field(default=None, description="Issuer that tokens must name; unset accepts any.")
    auth_audience: str = Field(default="redress", description="Audience that tokens must name.")
    batch_max: int = Field(default=500, ge=1, le=5000, description="Events in one transaction at most.")
    batch_wait_ms: int = Field(
        default=20, ge=1, le=1000, description="Milliseconds to wait for the first event of a batch."
    )
    pace_ms: int = Field(
        default=40,
        ge=0,
        le=1000,
        description="Milliseconds from one small batch, relay round or command group to the next; lets more gather.",
    )
    breaker_in_a_row: int = Field(
        default=50, ge=1, description="Dead letters in a row after which the service stops consuming."
    )
    breaker_percent: int = Field(
        default=50, ge=1, le=100, description="Percent of dead letters in a batch of at least 20 that stops consuming."
    )
    retry_seconds: float = Field(
        default=60.0, gt=0, description="Seconds to retry a batch in place before handing it back to Kafka."
    )
    relay_batch: int = Field(default=2000, ge=1, le=20000, description="Outbox rows per round of the relay.")
    outbox_truncate_seconds: int = Field(
        default=600,
        ge=60,
        description="Seconds between attempts to truncate outbox partitions whose events are all published.",
    )
    event_bytes_max: int = Field(
        default=900_000, ge=10_000, le=1_000_000, description="Size of one event at most; below Kafka's own 1 MiB."
    )
    inbox_keep_days: int = Field(
        default=30, ge=1, description="Days to remember event ids; must exceed how long Kafka may redeliver."
    )
    tick_ms: int = Field(
        default=400,
        ge=10,
        description="Milliseconds to sleep at most until the next look for due timers; what another process wrote and "
        "did not live to fire waits that long.",
    )
    tick_batch: int = Field(default=250, ge=1, le=5000, description="Timers fired in one transaction at most.")
    tick_flights: int = Field(
        default=2, ge=1, le=8, description="Transactions of due timers under way at once where one batch is not enough."
    )
    watchdog_seconds: float = Field(
        default=60.0, gt=0, description="Seconds of lag without progress after which the process exits to be restarted."
    )
    stop_seconds: float = Field(default=25.0, gt=0, description="Seconds a graceful stop may take.")
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
        """Arguments, own environment, shared environment, secret files; first wins. No .env file is read."""
        del dotenv_settings, file_secret_settings
        folder = os.environ.get("REDRESS_SECRETS_DIR")
        files: tuple[PydanticBaseSettingsSource, ...] = ()
        if folder:
            prefixes = (settings_cls.model_config.get("env_prefix", ""), SHARED_PREFIX)
            files = tuple(SecretsSettingsSource(settings_cls, folder, env_prefix=p.lower()) for p in prefixes)
        return (init_settings, env_settings, EnvSettingsSource(settings_cls, env_prefix=SHARED_PREFIX), *files)


T = TypeVar("T", bound=ServiceSettings)


def load_settings(settings: type[T], **given: Any) -> T:
    """Read the environment. Raises `Misconfigured` that names every wrong variable and what was expected."""
    try:
        return settings(**given)
    except ValidationError as error:
        prefix = settings.model_config.get("env_prefix", "")
        lines = [
            f"{prefix}{'_'.join(str(part) for part in item['loc']).upper()}: {item['msg']}"
            for item in error.errors(include_input=False, include_url=False)
        ]
        raise Misconfigured("settings: " + "; ".join(lines)) from None
