"""Settings of the sla service."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from shared.settings import ServiceSettings


class Settings(ServiceSettings):
    """Read from `SLA_*`, then `REDRESS_*`."""

    model_config = SettingsConfigDict(env_prefix="SLA_", frozen=True, extra="ignore")

    port: int = Field(default=8082, ge=0, le=65535, description="Port that HTTP listens on; 0 picks a free one.")
    policies_file: Path | None = Field(
        default=None, description="Rulebook (TOML) with calendars and policies; unset uses the one that ships with us."
    )
    packs: str = Field(
        default="",
        description="Regulator packs to apply, separated by commas, such as `uk-disp,eu-psd2` (docs/packs.md).",
    )
    file_wins: bool = Field(
        default=False,
        description="Publish a changed `policies_file` or `packs` at the start even over what people have published "
        "since; otherwise what they published stays, with a warning.",
    )
    rebase_batch: int = Field(
        default=100, ge=1, le=1000, description="Open complaints moved to a published rulebook in one transaction."
    )
    rebase_flights: int = Field(
        default=3, ge=1, le=8, description="Transactions under way at once that move complaints to what was published."
    )
    rebase_seconds: float = Field(
        default=30.0,
        gt=0,
        description="Seconds between looks for open complaints that a publication of another replica has to move.",
    )
    watch_seconds: float = Field(
        default=10.0, gt=0, description="Seconds between looks for what of ours is down, and between signs of life."
    )
    downtime_seconds: float = Field(
        default=60.0,
        gt=0,
        description="Seconds without a sign of life after which it counts as downtime; well above `watch_seconds`.",
    )
    lag_outage_seconds: float = Field(
        default=300.0, gt=0, description="Age of the oldest unread event from which on breaches are put down to lag."
    )
    untold_minutes: float = Field(
        default=15.0, gt=0, description="Minutes in which a customer should have been told the date that was made."
    )
    untold_count: int = Field(
        default=20,
        ge=1,
        description="Customers of one hour not told their date in time, and at least half of all, that mean that the "
        "provider of messages is down.",
    )
    risk_hours: float = Field(
        default=4.0,
        gt=0,
        description="Hours ahead in which promises are at risk while something of ours is down, or after a downtime: "
        "time to write before.",
    )

    @property
    def pack_names(self) -> tuple[str, ...]:
        """The names in `packs`."""
        return tuple(name.strip() for name in self.packs.split(",") if name.strip())
