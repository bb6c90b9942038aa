"""Composition root of the sla service: what is opened is opened here."""

from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from services.sla.domain import Complaint, SlaContext, decide
from services.sla.policies import read_file
from services.sla.routes import routes
from services.sla.settings import Settings
from services.sla.store.rulebooks import Shelf
from services.sla.store.states import SlaStore
from services.sla.workers.outages import Limits, Watch
from services.sla.workers.rebase import Rebaser
from shared.contracts.topics import SLA
from shared.runtime import Kernel
from shared.service import ServiceApp
from shared.settings import load_settings
from shared.storage.postgres import transaction


def build(settings: Settings | None = None) -> ServiceApp[Complaint, SlaContext]:
    """The service, ready to run. Raises `Misconfigured` for a rulebook that could leave a complaint without a date."""
    settings = settings or load_settings(Settings)
    data = read_file(settings.policies_file, settings.pack_names)
    shelf = Shelf(data, _today, file_wins=settings.file_wins)
    rebaser = Rebaser(batch=settings.rebase_batch, flights=settings.rebase_flights, seconds=settings.rebase_seconds)
    watch = Watch(_limits(settings))
    return ServiceApp(
        service=SLA,
        settings=settings,
        decide=decide,
        store=SlaStore(shelf),
        schema=Path(__file__).with_name("schema"),
        routes=partial(routes, shelf=shelf, published=rebaser.wake),
        workers=(rebaser.rebase, watch.watch),
        opened=partial(_opened, shelf=shelf, watch=watch),
    )


def _limits(settings: Settings) -> Limits:
    return Limits(
        every=timedelta(seconds=settings.watch_seconds),
        gap=timedelta(seconds=settings.downtime_seconds),
        lag=timedelta(seconds=settings.lag_outage_seconds),
        untold=timedelta(minutes=settings.untold_minutes),
        untold_count=settings.untold_count,
        horizon=timedelta(hours=settings.risk_hours),
    )


def _today() -> date:
    return datetime.now(UTC).date()


async def _opened(kernel: Kernel[Any, Any], *, shelf: Shelf, watch: Watch) -> None:
    """The schema is current: publish what the file says, read what was published, note how long nobody lived."""
    async with transaction(kernel.pool) as conn:
        await shelf.settle(conn)
        await watch.beat(conn)
