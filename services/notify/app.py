"""Composition root of notify: settings, templates, store, mail channel, HTTP routes and the subscription."""

from datetime import timedelta
from pathlib import Path
from typing import Any

from services.notify.channels.smtp import SmtpChannel
from services.notify.domain import decide
from services.notify.routes.messages import routes
from services.notify.sender import SendLoop
from services.notify.settings import Settings
from services.notify.store.states import NotifyStore
from services.notify.templates import Renderer
from shared.contracts import INTAKE, NOTIFY, SLA, TRIAGE
from shared.messaging.broker import service_broker, subscriber_options
from shared.messaging.kafka import Records
from shared.runner.spec import ServiceSpec
from shared.runtime import Runtime
from shared.service import ServiceApp
from shared.settings import load_settings


def build(settings: Settings | None = None, **overrides: Any) -> ServiceApp:
    """Build the service, ready to run. Mail waits in its table while the mail server cannot be reached."""
    settings = settings or load_settings(Settings, **overrides)
    runtime = Runtime(ServiceSpec(NOTIFY, decide, notify_store(settings)), settings)
    broker = service_broker(runtime)

    @broker.subscriber(INTAKE.topic, TRIAGE.topic, SLA.topic, batch=True, **subscriber_options(runtime))
    async def consume(records: Records) -> None:
        await runtime.consumer.handle(records)

    renderer = Renderer(
        settings.organisation,
        timezone=settings.default_timezone,
        contact_line=settings.contact_line,
        recourse=settings.recourse,
    )
    sender = SendLoop(runtime, settings, SmtpChannel(settings.server(), settings.sender()), renderer)
    return ServiceApp(
        runtime=runtime,
        broker=broker,
        schema=Path(__file__).parent / "schema",
        routes=routes(runtime, renderer),
        workers={"sender": sender.run},
    )


def notify_store(settings: Settings) -> NotifyStore:
    """Build the store with the deadlines and the language of the settings."""
    return NotifyStore(
        acknowledge_within=timedelta(seconds=settings.acknowledge_within_seconds),
        receipt_window=timedelta(seconds=settings.receipt_window_seconds),
        default_locale=settings.default_locale,
    )
