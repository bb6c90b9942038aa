"""Composition root of the sla service: what is opened is opened here."""

from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from services.sla.domain import Complaint, SlaContext, decide
from services.sla.policies import load_rulebook
from services.sla.routes import routes
from services.sla.settings import Settings
from services.sla.store import SlaStore
from shared.contracts.topics import SLA
from shared.service import ServiceApp
from shared.settings import load_settings


def build(settings: Settings | None = None) -> ServiceApp[Complaint, SlaContext]:
    """The service, ready to run. Raises `Misconfigured` for a rulebook that could leave a complaint without a date."""
    settings = settings or load_settings(Settings)
    rulebook = load_rulebook(settings.policies_file, around=datetime.now(UTC).date())
    return ServiceApp(
        service=SLA,
        settings=settings,
        decide=decide,
        store=SlaStore(rulebook),
        schema=Path(__file__).with_name("schema"),
        routes=partial(routes, rulebook=rulebook),
    )
