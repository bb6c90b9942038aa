"""Composition root of intake: settings, store, HTTP routes, and the subscription to what the other services publish."""

from pathlib import Path
from typing import Any

from services.intake.domain import decide
from services.intake.forms import warm_up
from services.intake.routes import IntakeRoutes
from services.intake.settings import Settings
from services.intake.store import IntakeStore
from shared.contracts import INTAKE, NOTIFY, SLA, TRIAGE
from shared.messaging.broker import service_broker, subscriber_options
from shared.messaging.kafka import Records
from shared.runner.spec import ServiceSpec
from shared.runtime import Runtime
from shared.service import ServiceApp
from shared.settings import load_settings


def build(settings: Settings | None = None, **overrides: Any) -> ServiceApp:
    """Build the service, ready to run. It is ready without Kafka: accepted complaints wait in the outbox."""
    settings = settings or load_settings(Settings, **overrides)
    warm_up()
    runtime = Runtime(ServiceSpec(INTAKE, decide, IntakeStore()), settings, needed=("postgres",))
    broker = service_broker(runtime)

    @broker.subscriber(TRIAGE.topic, SLA.topic, NOTIFY.topic, batch=True, **subscriber_options(runtime))
    async def consume(records: Records) -> None:
        await runtime.consumer.handle(records)

    routes = IntakeRoutes(settings)
    return ServiceApp(
        runtime=runtime,
        broker=broker,
        schema=Path(__file__).parent / "schema",
        routes=routes.routes(runtime),
        direct_endpoints=routes.direct_endpoints(runtime),
    )
