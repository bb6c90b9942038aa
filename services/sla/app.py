"""Composition root of sla: settings, rulebook, store, HTTP routes, workers and the subscription."""

from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path

from services.sla.domain import decide
from services.sla.policies import read_file
from services.sla.routes import routes
from services.sla.settings import Settings
from services.sla.store.rulebooks import RulebookRepository
from services.sla.store.states import SlaStore
from services.sla.workers.outages import OutageLimits, OutageMonitor
from services.sla.workers.rebase import RecomputeWorker
from shared.contracts import INTAKE, NOTIFY, SLA, TRIAGE
from shared.messaging.broker import service_broker, subscriber_options
from shared.messaging.consumer import Records
from shared.runner.spec import ServiceSpec
from shared.runtime import Runtime
from shared.service import ServiceApp
from shared.settings import load_settings
from shared.storage.postgres import transaction


def build(settings: Settings | None = None) -> ServiceApp:
    """Build the service, ready to run. Raises `Misconfigured` for a rulebook that could leave a complaint undated."""
    settings = settings or load_settings(Settings)
    rulebooks = RulebookRepository(
        read_file(settings.policies_file, settings.pack_names), _today, file_wins=settings.file_wins
    )
    runtime = Runtime(ServiceSpec(SLA, decide, SlaStore(rulebooks)), settings)
    broker = service_broker(runtime)

    @broker.subscriber(INTAKE.topic, TRIAGE.topic, NOTIFY.topic, batch=True, **subscriber_options(runtime))
    async def consume(records: Records) -> None:
        await runtime.consumer.handle(records)

    recompute = RecomputeWorker(
        batch=settings.rebase_batch, flights=settings.rebase_flights, seconds=settings.rebase_seconds
    )
    outages = OutageMonitor(_limits(settings))

    async def load_rulebooks() -> None:
        """Publish the changes of the policies file, load all revisions and record a downtime that has just ended."""
        async with transaction(runtime.pool) as conn:
            await rulebooks.settle(conn)
            await outages.beat(conn)

    return ServiceApp(
        runtime=runtime,
        broker=broker,
        schema=Path(__file__).with_name("schema"),
        routes=routes(runtime, shelf=rulebooks, published=recompute.wake),
        workers={"recompute": partial(recompute.rebase, runtime), "outages": partial(outages.watch, runtime)},
        on_open=load_rulebooks,
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
