"""Composition root of sla: settings, rulebook, store, HTTP routes, workers and the subscription."""

from functools import partial
from pathlib import Path

from services.sla.domain import decide
from services.sla.policies import read_file
from services.sla.routes import routes
from services.sla.settings import Settings
from services.sla.store.rulebooks import RulebookRepository
from services.sla.store.states import SlaStore
from services.sla.workers.outages import OutageMonitor
from services.sla.workers.recompute import RecomputeWorker
from shared.contracts import INTAKE, NOTIFY, SLA, TRIAGE
from shared.messaging.broker import service_broker, subscriber_options
from shared.messaging.kafka import Records
from shared.runner.spec import ServiceSpec
from shared.runtime import Runtime
from shared.service import ServiceApp
from shared.settings import load_settings
from shared.storage.postgres import transaction


def build(settings: Settings | None = None) -> ServiceApp:
    """Return the service, ready to run. Raises `Misconfigured` if a complaint could be left without a due date."""
    settings = settings or load_settings(Settings)
    data = read_file(settings.policies_file, settings.pack_names)
    repository = RulebookRepository(data, file_wins=settings.file_wins)
    runtime = Runtime(ServiceSpec(SLA, decide, SlaStore(repository)), settings)
    broker = service_broker(runtime)

    @broker.subscriber(INTAKE.topic, TRIAGE.topic, NOTIFY.topic, batch=True, **subscriber_options(runtime))
    async def consume(records: Records) -> None:
        await runtime.consumer.handle(records)

    recompute = RecomputeWorker(
        batch=settings.rebase_batch, flights=settings.rebase_flights, seconds=settings.rebase_seconds
    )
    outages = OutageMonitor(settings)

    async def prepare() -> None:
        """Publish a changed rulebook file, read all revisions, and record a downtime."""
        async with transaction(runtime.pool) as conn:
            await repository.publish_file(conn)
            await outages.renew_heartbeat(conn)

    return ServiceApp(
        runtime=runtime,
        broker=broker,
        schema=Path(__file__).with_name("schema"),
        routes=routes(runtime, repository=repository, published=recompute.wake),
        workers={"recompute": partial(recompute.run, runtime), "outages": partial(outages.run, runtime)},
        on_open=prepare,
    )
