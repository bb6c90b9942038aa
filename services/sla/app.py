"""Composition root of the sla service: what is opened is opened here."""

from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path

from services.sla.domain import SlaContext, SlaState, decide
from services.sla.policies import read_file
from services.sla.routes import routes
from services.sla.settings import Settings
from services.sla.store.rulebooks import RulebookRepository
from services.sla.store.states import SlaStore
from services.sla.workers.outages import OutageLimits, OutageMonitor
from services.sla.workers.rebase import RecomputeWorker
from shared.contracts.topics import SLA
from shared.runtime import Runtime
from shared.service import ServiceApp
from shared.settings import load_settings
from shared.storage.postgres import transaction


def build(settings: Settings | None = None) -> ServiceApp[SlaState, SlaContext]:
    """The service, ready to run. Raises `Misconfigured` for a rulebook that could leave a complaint without a date."""
    settings = settings or load_settings(Settings)
    data = read_file(settings.policies_file, settings.pack_names)
    shelf = RulebookRepository(data, _today, file_wins=settings.file_wins)
    rebaser = RecomputeWorker(
        batch=settings.rebase_batch, flights=settings.rebase_flights, seconds=settings.rebase_seconds
    )
    watch = OutageMonitor(_limits(settings))
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


def _limits(settings: Settings) -> OutageLimits:
    return OutageLimits(
        every=timedelta(seconds=settings.watch_seconds),
        gap=timedelta(seconds=settings.downtime_seconds),
        lag=timedelta(seconds=settings.lag_outage_seconds),
        untold=timedelta(minutes=settings.untold_minutes),
        untold_count=settings.untold_count,
        horizon=timedelta(hours=settings.risk_hours),
    )


def _today() -> date:
    return datetime.now(UTC).date()


async def _opened(runtime: Runtime, *, shelf: RulebookRepository, watch: OutageMonitor) -> None:
    """The schema is current: publish what the file says, read what was published, note how long nobody lived."""
    async with transaction(runtime.pool) as conn:
        await shelf.settle(conn)
        await watch.beat(conn)
