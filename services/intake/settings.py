"""Settings of intake, in addition to those of every service."""

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from shared.settings import ServiceSettings


class Settings(ServiceSettings):
    """Settings from environment variables: INTAKE_ as prefix, or REDRESS_ for those that all services share."""

    model_config = SettingsConfigDict(env_prefix="INTAKE_", frozen=True, extra="ignore")

    port: int = Field(default=8080, ge=0, le=65535, description="Port that HTTP listens on; 0 picks a free one.")
    group_max: int = Field(default=200, ge=1, le=1000, description="New complaints in one transaction at most.")
    flights: int = Field(default=2, ge=1, le=8, description="Transactions with new complaints at a time at most.")
    waiting_max: int = Field(
        default=5_000, ge=1, description="New complaints that may wait for their commit before others get a 503."
    )
