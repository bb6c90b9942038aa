"""Settings of triage."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from services.triage.rulebook import DEFAULT_FOLDER
from shared.settings import ServiceSettings

LANGUAGES = "en,id,vi,zh-Hans,zh-Hant,sr-Cyrl,sr-Latn,nb,tr"


class Settings(ServiceSettings):
    """Settings from environment variables `TRIAGE_*`, or `REDRESS_*` for all services."""

    model_config = SettingsConfigDict(env_prefix="TRIAGE_", frozen=True, extra="ignore")

    port: int = Field(default=8081, ge=0, le=65535, description="Port on which HTTP listens; 0 takes a free one.")
    rulebook: Path = Field(
        default=DEFAULT_FOLDER,
        description="Folder with categories.toml, teams.toml, severity.toml and words/LANGUAGE.toml.",
    )
    languages: str = Field(
        default=LANGUAGES,
        pattern="^[a-z]{2}(-[A-Z][a-z]{3})?(,[a-z]{2}(-[A-Z][a-z]{3})?)*$",
        description="Languages that customers write (BCP 47, comma separated). No other is detected; the first is used "
        "when the language is unclear.",
    )
    screening_threshold: float = Field(
        default=0.45, ge=0, le=1, description="Confidence below which the screening team has to decide the category."
    )
