"""Composition root of triage: settings, rulebook, classifier, store, HTTP routes and the subscription."""

import asyncio
from pathlib import Path

from services.triage.classifier.language import Languages
from services.triage.classifier.lexicon import LexiconClassifier
from services.triage.domain import decide
from services.triage.routes.cases import routes
from services.triage.rulebook import load_rulebook
from services.triage.settings import Settings
from services.triage.store.states import TriageStore
from shared.contracts import INTAKE, SLA, TRIAGE
from shared.messaging.broker import service_broker, subscriber_options
from shared.messaging.kafka import Records
from shared.runner.spec import ServiceSpec
from shared.runtime import Runtime
from shared.service import ServiceApp
from shared.settings import load_settings

SCHEMA = Path(__file__).parent / "schema"


def build(settings: Settings | None = None) -> ServiceApp:
    """Build the service, ready to run. Raises `Misconfigured`."""
    settings = settings or load_settings(Settings)
    rulebook = load_rulebook(settings.rulebook)
    languages = Languages(settings.languages.split(","))
    store = TriageStore(rulebook, LexiconClassifier(rulebook, languages), settings.screening_threshold)
    runtime = Runtime(ServiceSpec(TRIAGE, decide, store), settings)
    broker = service_broker(runtime)

    @broker.subscriber(INTAKE.topic, SLA.topic, batch=True, **subscriber_options(runtime))
    async def consume(records: Records) -> None:
        await runtime.consumer.handle(records)

    async def load_languages() -> None:
        """Load the language model before the first event needs it. Raises `Misconfigured` for an unknown language."""
        await asyncio.to_thread(languages.load)

    return ServiceApp(
        runtime=runtime,
        broker=broker,
        schema=SCHEMA,
        routes=routes(runtime, rulebook=rulebook),
        on_open=load_languages,
    )
