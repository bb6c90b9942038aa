"""Settings of notify."""

from datetime import timedelta
from typing import Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import SettingsConfigDict

from services.notify.channels.headers import ascii_mailbox, guard
from services.notify.channels.mime import SenderAddress
from services.notify.channels.smtp_pool import Security, SmtpServer
from services.notify.domain.languages import supported_language
from shared.errors import RedressError
from shared.settings import ServiceSettings


class Settings(ServiceSettings):
    """Settings from environment variables `NOTIFY_*`, or `REDRESS_*` for all services."""

    model_config = SettingsConfigDict(env_prefix="NOTIFY_", frozen=True, extra="ignore")

    port: int = Field(default=8083, ge=0, le=65535, description="Port on which HTTP listens; 0 takes a free one.")
    acknowledge_within_seconds: float = Field(
        default=15.0,
        gt=0,
        description="Seconds that an acknowledgement waits for handler and date before it is sent without.",
    )
    receipt_window_seconds: float = Field(
        default=900.0, gt=0, description="Seconds before a mandatory message is sent again after an uncertain attempt."
    )
    default_locale: str = Field(
        default="en", description="Language (BCP 47) for customers whose own languages are not supported."
    )
    default_timezone: str = Field(
        default="UTC", description="IANA time zone of dates for customers whose zone is unknown."
    )
    organisation: str = Field(
        default="Redress", min_length=1, max_length=100, description="Name of the organisation in messages."
    )
    contact_line: str | None = Field(
        default=None,
        max_length=300,
        description="One line at the end of each message with another way to reach you, e.g. a number.",
    )
    recourse: dict[str, str] = Field(
        default_factory=dict,
        description="The ombudsman or next body by regulator pack, as JSON: name, address, web site, and that it is "
        "free of charge if so; * for all other packs. Printed in letters that name the right to go there.",
    )
    sender_address: str = Field(default="complaints@example.com", description="Sender address of messages.")
    reply_to: str | None = Field(default=None, description="Address for replies; the sender address when unset.")
    smtp_host: str = Field(default="127.0.0.1", description="SMTP server of the provider.")
    smtp_port: int = Field(default=1025, ge=1, le=65535, description="Port of `smtp_host`.")
    smtp_security: Security = Field(
        default="auto", description="none, starttls, tls, or auto: STARTTLS except to this machine itself."
    )
    smtp_username: str | None = Field(default=None, description="User at `smtp_host`; needs TLS beyond this machine.")
    smtp_password: SecretStr | None = Field(default=None, description="Password of `smtp_username`.")
    smtp_connections: int = Field(default=8, ge=1, le=100, description="Maximum number of connections to `smtp_host`.")
    smtp_timeout_seconds: float = Field(
        default=10.0, gt=0, description="Seconds for one SMTP step; all steps together have twice that."
    )
    smtp_max_age_seconds: float = Field(default=300.0, gt=0, description="Seconds after which a connection is closed.")
    smtp_max_messages: int = Field(default=500, ge=1, description="Messages after which a connection is closed.")
    send_in_flight: int = Field(default=64, ge=1, le=1000, description="Maximum number of messages in flight.")
    send_poll_ms: int = Field(default=500, ge=10, description="Milliseconds between queries for messages when idle.")
    lease_seconds: float = Field(
        default=120.0,
        gt=0,
        description="Seconds after which a claimed message counts as abandoned; more than any timeout of a send.",
    )

    @field_validator("default_locale")
    @classmethod
    def _check_locale(cls, value: str) -> str:
        if supported_language(value) is None:
            raise ValueError("expected a supported language, such as en or id")
        return value

    @field_validator("default_timezone")
    @classmethod
    def _check_timezone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError("expected an IANA time zone such as Asia/Jakarta") from None
        return value

    @model_validator(mode="after")
    def _check_mail(self) -> Self:
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
        """Return the mail server for the channel."""
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
        """Return the sender of all messages."""
        return SenderAddress(self.sender_address, self.organisation, self.reply_to)

    @property
    def lease(self) -> timedelta:
        """Duration of a claim."""
        return timedelta(seconds=self.lease_seconds)
