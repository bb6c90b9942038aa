"""Notify put together: settings, the states, the printer, the mail channel. The only module that opens anything."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

from services.notify.channels.smtp import SmtpChannel
from services.notify.domain import NotifyContext, NotifyState, decide
from services.notify.routes.messages import routes
from services.notify.sender import SendLoop
from services.notify.settings import Settings
from services.notify.store.states import NotifyStore
from services.notify.templates import Renderer
from shared.contracts.topics import NOTIFY
from shared.runtime import Runtime
from shared.service import ServiceApp
from shared.settings import load_settings


def build(settings: Settings | None = None, **given: Any) -> ServiceApp[NotifyState, NotifyContext]:
    """The service, ready to run. Mail waits in its table while the mail server is away."""
    chosen = settings or load_settings(Settings, **given)
    printer = Renderer(
        chosen.organisation,
        timezone=chosen.default_timezone,
        contact_line=chosen.contact_line,
        recourse=chosen.recourse,
    )

    loops: dict[int, SendLoop] = {}

    async def sender(runtime: Runtime, stopping: asyncio.Event) -> None:
        """One loop a process, also when it is started again."""
        if id(runtime) not in loops:
            loops[id(runtime)] = SendLoop(runtime, chosen, SmtpChannel(chosen.server(), chosen.sender()), printer)
        await loops[id(runtime)].run(stopping)

    return ServiceApp(
        service=NOTIFY,
        settings=chosen,
        decide=decide,
        store=records(chosen),
        schema=Path(__file__).parent / "schema",
        routes=lambda runtime: routes(runtime, printer),
        workers=(sender,),
    )


def records(settings: Settings) -> NotifyStore:
    """The store with what the settings say about patience and language."""
    return NotifyStore(
        acknowledge_within=timedelta(seconds=settings.acknowledge_within_seconds),
        receipt_window=timedelta(seconds=settings.receipt_window_seconds),
        default_locale=settings.default_locale,
    )
