"""Composition root of triage: settings, rulebook, classifier, store and doors, put together."""

import asyncio
from functools import partial
from pathlib import Path

from services.triage.classifier.language import Languages
from services.triage.classifier.lexicon import LexiconClassifier
from services.triage.domain import TriageContext, TriageState, decide
from services.triage.routes.cases import routes
from services.triage.rulebook import load_rulebook
from services.triage.settings import Settings
from services.triage.store.states import TriageStore
from shared.contracts.topics import TRIAGE
from shared.runtime import Runtime
from shared.service import ServiceApp
from shared.settings import load_settings

SCHEMA = Path(__file__).parent / "schema"


def build(settings: Settings | None = None) -> ServiceApp[TriageState, TriageContext]:
    """The whole service, not yet started. Raises `Misconfigured`."""
    settings = settings or load_settings(Settings)
    rulebook = load_rulebook(settings.rulebook)
    languages = Languages(settings.languages.split(","))
    store = TriageStore(rulebook, LexiconClassifier(rulebook, languages), settings.screening_threshold)

    async def warm(runtime: Runtime) -> None:
        """Load the language model while nobody waits, and die now if a language is unknown to it."""
        del runtime
        await asyncio.to_thread(languages.load)

    return ServiceApp(
        service=TRIAGE,
        settings=settings,
        decide=decide,
        store=store,
        schema=SCHEMA,
        routes=partial(routes, rulebook=rulebook),
        opened=warm,
    )
