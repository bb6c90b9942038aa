"""What can be set for notify, beside what every service has."""

from datetime import timedelta
from typing import Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import SettingsConfigDict

from services.notify.channels.headers import ascii_mailbox, guard
from services.notify.channels.mime import SenderAddress
from services.notify.channels.smtp_pool import Security, SmtpServer
from services.notify.domain.languages import spoken
from shared.errors import RedressError
from shared.settings import ServiceSettings


class Settings(ServiceSettings):
    """Environment variables begin with NOTIFY_ or, for what all services share, with REDRESS_."""

    model_config = SettingsConfigDict(env_prefix="NOTIFY_", frozen=True, extra="ignore")

    port: int = Field(default=8083, ge=0, le=65535, description="Port that HTTP listens on; 0 picks a free one.")
    acknowledge_within_seconds: float = Field(
        default=15.0, gt=0, description="Seconds an acknowledgement waits for owner and date before it goes without."
    )
    receipt_window_seconds: float = Field(
        default=900.0, gt=0, description="Seconds before a mandatory message whose fate is unknown is sent again."
    )
    default_locale: str = Field(default="en", description="Language (BCP 47) for people who asked for none we speak.")
    default_timezone: str = Field(default="UTC", description="IANA zone for the dates of people whose zone is unknown.")
    organisation: str = Field(default="Redress", min_length=1, max_length=100, description="Name that messages bear.")
    contact_line: str | None = Field(
        default=None, max_length=300, description="One line under each message: how else to reach you, e.g. a number."
    )
    recourse: dict[str, str] = Field(
        default_factory=dict,
        description="The ombudsman or next body by regulator pack, as JSON: name, address, web site, and that it costs "
        "nothing if so; * for all other packs. Printed where a letter tells of the right to go there.",
    )
    sender_address: str = Field(default="complaints@example.com", description="Address that messages come from.")
    reply_to: str | None = Field(default=None, description="Address that replies go to; the sender's when unset.")
    smtp_host: str = Field(default="127.0.0.1", description="Server that mail is handed to.")
    smtp_port: int = Field(default=1025, ge=1, le=65535, description="Port of `smtp_host`.")
    smtp_security: Security = Field(
        default="auto", description="none, starttls, tls, or auto: STARTTLS except to this machine itself."
    )
    smtp_username: str | None = Field(default=None, description="User at `smtp_host`; needs TLS beyond this machine.")
    smtp_password: SecretStr | None = Field(default=None, description="Password of `smtp_username`.")
    smtp_connections: int = Field(default=8, ge=1, le=100, description="Connections to `smtp_host` at most.")
    smtp_timeout_seconds: float = Field(default=10.0, gt=0, description="Seconds for one SMTP step; twice for all.")
    smtp_max_age_seconds: float = Field(default=300.0, gt=0, description="Seconds after which a connection is retired.")
    smtp_max_messages: int = Field(default=500, ge=1, description="Messages after which a connection is retired.")
    send_in_flight: int = Field(default=64, ge=1, le=1000, description="Messages being handed over at a time at most.")
    send_poll_ms: int = Field(default=500, ge=10, description="Milliseconds between looks for messages when idle.")
    lease_seconds: float = Field(
        default=120.0,
        gt=0,
        description="Seconds after which a claimed message counts as abandoned; above any time-out.",
    )

    @field_validator("default_locale")
    @classmethod
    def _is_spoken(cls, value: str) -> str:
        if spoken(value) is None:
            raise ValueError("expected a language we have words for, such as en or id")
        return value

    @field_validator("default_timezone")
    @classmethod
    def _is_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError("expected an IANA time zone such as Asia/Jakarta") from None
        return value

    @model_validator(mode="after")
    def _is_sendable(self) -> Self:
        try:
            guard("organisation", self.organisation)
            for address in filter(None, (self.sender_address, self.reply_to)):
                ascii_mailbox(address)
            self.server()
        except RedressError as error:
            raise ValueError(error.detail) from None
        if self.lease_seconds <= 4 * self.smtp_timeout_seconds:
            raise ValueError("lease_seconds: expected more than four times smtp_timeout_seconds")
        return self

    def server(self) -> SmtpServer:
        """The mail server as the channel takes it."""
        return SmtpServer(
            host=self.smtp_host,
            port=self.smtp_port,
            security=self.smtp_security,
            username=self.smtp_username,
            password=self.smtp_password.get_secret_value() if self.smtp_password else None,
            connections=self.smtp_connections,
            timeout=self.smtp_timeout_seconds,
            max_age=self.smtp_max_age_seconds,
            max_messages=self.smtp_max_messages,
        )

    def sender(self) -> SenderAddress:
        """Who writes."""
        return SenderAddress(self.sender_address, self.organisation, self.reply_to)

    @property
    def lease(self) -> timedelta:
        """How long a claim lasts."""
        return timedelta(seconds=self.lease_seconds)
