"""Intake put together: settings, the public record, its doors. The only module here that opens anything."""

from pathlib import Path
from typing import Any

from services.intake.domain import IntakeState, decide
from services.intake.forms import warm_up
from services.intake.routes import IntakeRoutes
from services.intake.settings import Settings
from services.intake.store import IntakeStore
from shared.contracts import INTAKE
from shared.runner.types import Context
from shared.service import ServiceApp
from shared.settings import load_settings


def build(settings: Settings | None = None, **given: Any) -> ServiceApp[IntakeState, Context]:
    """The service, ready to run. It can do its work without Kafka: complaints wait in the outbox."""
    settings = settings or load_settings(Settings, **given)
    warm_up()
    doors = IntakeRoutes(settings)
    return ServiceApp(
        service=INTAKE,
        settings=settings,
        decide=decide,
        store=IntakeStore(),
        schema=Path(__file__).parent / "schema",
        routes=doors.routes,
        hot=doors.hot,
        needed=("postgres",),
    )
