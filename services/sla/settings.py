"""Settings of the sla service."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from shared.settings import ServiceSettings


class Settings(ServiceSettings):
    """Settings of sla, read from `SLA_*`, then `REDRESS_*`."""

    model_config = SettingsConfigDict(env_prefix="SLA_", frozen=True, extra="ignore")

    port: int = Field(default=8082, ge=0, le=65535, description="Port that HTTP listens on; 0 picks a free one.")
    policies_file: Path | None = Field(
        default=None, description="Rulebook (TOML) with calendars and policies; unset uses the standard one."
    )
    packs: str = Field(
        default="",
        description="Regulator packs to apply, separated by commas, such as `uk-disp,eu-psd2` (docs/packs.md).",
    )
    file_wins: bool = Field(
        default=False,
        description="Publish a changed `policies_file` or `packs` at the start even if a draft was published since it "
        "was last read; otherwise the published revision stays, with a warning.",
    )
    rebase_batch: int = Field(
        default=100, ge=1, le=1000, description="Open complaints recomputed in one transaction after a publication."
    )
    rebase_flights: int = Field(
        default=3, ge=1, le=8, description="Transactions at once that recompute open complaints after a publication."
    )
    rebase_seconds: float = Field(
        default=30.0,
        gt=0,
        description="Seconds between checks for open complaints to recompute after another replica published.",
    )
    watch_seconds: float = Field(
        default=10.0, gt=0, description="Seconds between outage checks and between heartbeats."
    )
    downtime_seconds: float = Field(
        default=60.0,
        gt=0,
        description="Seconds without a heartbeat that count as downtime; well above `watch_seconds`.",
    )
    lag_outage_seconds: float = Field(
        default=300.0, gt=0, description="Age of the oldest unread event above which breaches are attributed to lag."
    )
    untold_minutes: float = Field(
        default=15.0, gt=0, description="Minutes within which a customer should be told a new date."
    )
    untold_count: int = Field(
        default=20,
        ge=1,
        description="Complaints of one hour with a date that no accepted message states. From this number on, if "
        "they are at least half of all, the mail provider is taken as failing.",
    )
    risk_hours: float = Field(
        default=4.0,
        gt=0,
        description="Hours ahead in which promises are at risk during an outage or after a downtime: time to write to "
        "the customer.",
    )

    @property
    def pack_names(self) -> tuple[str, ...]:
        """Names listed in `packs`."""
        return tuple(name.strip() for name in self.packs.split(",") if name.strip())
