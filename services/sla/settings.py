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
    rebase_batch: int = Field(
        default=100, ge=1, le=1000, description="Open complaints moved to a published rulebook in one transaction."
    )
    rebase_seconds: float = Field(
        default=30.0,
        gt=0,
        description="Seconds between looks for open complaints that a publication of another replica has to move.",
    )

    @property
    def pack_names(self) -> tuple[str, ...]:
        """The names in `packs`."""
        return tuple(name.strip() for name in self.packs.split(",") if name.strip())
