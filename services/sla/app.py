"""Composition root of the sla service: its rulebook, workers, store and routes."""

from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path

from services.sla.domain import SlaContext, SlaState, decide
from services.sla.policies import read_file
from services.sla.routes import routes
from services.sla.settings import Settings
from services.sla.store.rulebooks import RulebookRepository
from services.sla.store.states import SlaStore
from services.sla.workers.outages import OutageMonitor
from services.sla.workers.recompute import RecomputeWorker
from shared.contracts.topics import SLA
from shared.runtime import Runtime
from shared.service import ServiceApp
from shared.settings import load_settings
from shared.storage.postgres import transaction


def build(settings: Settings | None = None) -> ServiceApp[SlaState, SlaContext]:
    """Return the service, ready to run. Raises `Misconfigured` if a complaint could be left without a due date."""
    settings = settings or load_settings(Settings)
    data = read_file(settings.policies_file, settings.pack_names)
    repository = RulebookRepository(data, _today, file_wins=settings.file_wins)
    recompute = RecomputeWorker(
        batch=settings.rebase_batch, flights=settings.rebase_flights, seconds=settings.rebase_seconds
    )
    outages = OutageMonitor(settings)
    return ServiceApp(
        service=SLA,
        settings=settings,
        decide=decide,
        store=SlaStore(repository),
        schema=Path(__file__).with_name("schema"),
        routes=partial(routes, repository=repository, published=recompute.wake),
        workers=(recompute.run, outages.run),
        opened=partial(_prepare, repository=repository, outages=outages),
    )


def _today() -> date:
    return datetime.now(UTC).date()


async def _prepare(runtime: Runtime, *, repository: RulebookRepository, outages: OutageMonitor) -> None:
    """Publish a changed rulebook file, read all revisions, and record a downtime. The schema is current by then."""
    async with transaction(runtime.pool) as conn:
        await repository.publish_file(conn)
        await outages.renew_heartbeat(conn)
