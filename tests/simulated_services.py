"""The four real services as a `Simulation`, with their `decide`, rulebooks, classifier and renderer, without servers."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from typing import Any

from services.intake import domain as intake
from services.notify import domain as notify
from services.notify.domain.state import NewMessage
from services.notify.templates import RenderedMessage, Renderer
from services.sla import domain as sla
from services.sla.policies import Rulebook
from services.sla.policies import load_rulebook as load_policies
from services.triage import domain as triage
from services.triage.classifier.language import Languages
from services.triage.classifier.lexicon import LexiconClassifier
from services.triage.rulebook import load_rulebook as load_taxonomy
from services.triage.settings import LANGUAGES
from services.triage.store.states import TriageStore, promoted_columns
from shared.contracts import INTAKE, NOTIFY, SLA, TRIAGE, ComplaintId, Contact, Narrative
from shared.runner.types import Context
from shared.testing.memory import MemoryRunner
from shared.testing.simulation import SimulatedWorker, Simulation
from tests.factories import complaint_id

THRESHOLD = 0.45
RULES = load_taxonomy()
DETECTABLE_LANGUAGES = Languages(LANGUAGES.split(","))
TRIAGE_STORE = TriageStore(RULES, LexiconClassifier(RULES, DETECTABLE_LANGUAGES), THRESHOLD)
ACKNOWLEDGE_WITHIN = timedelta(seconds=15)
RENDERER = Renderer("Redress")  # compiles its templates once


@dataclass(frozen=True, slots=True)
class SentMail:
    """Message that was sent, and when."""

    at: datetime
    message: NewMessage
    rendered: RenderedMessage

    @property
    def kind(self) -> str:
        return self.message.kind


class SimulatedSender:
    """Worker that sends planned messages: renders and keeps them, and reports the attempts like the real sender."""

    def __init__(self) -> None:
        self.mails: list[SentMail] = []
        self._sent_ids: set[Any] = set()

    async def __call__(self, simulation: Simulation, limit: int = 1000) -> int:
        waiting = self.waiting(simulation)[:limit]
        for message in waiting:
            self._sent_ids.add(message.message_id)
            rendered = RENDERER.render(message.kind, message.content, message.locale)
            self.mails.append(SentMail(simulation.now, message, rendered))
            finished = notify.AttemptFinished(
                message.complaint_id,
                message_id=message.message_id,
                intent=message.intent,
                attempt=1,
                outcome="sent",
                code="250",
                locale=rendered.locale,
                template=rendered.template,
                states_promise=message.states_promise,
            )
            await simulation.submit(NOTIFY, finished)
        return len(waiting)

    def waiting(self, simulation: Simulation) -> list[NewMessage]:
        """Return planned messages with a usable address that were not sent yet."""
        states = simulation.runner(NOTIFY).states.values()
        planned = [message for state in states for message in state.planned]
        return [message for message in planned if not message.suppressed and message.message_id not in self._sent_ids]


def simulate_services(now: datetime, *workers: SimulatedWorker) -> Simulation:
    """Return a simulation of the four services, composed as in production."""
    policies = _load_policies(now.date())
    runners: list[MemoryRunner[Any, Any]] = [
        MemoryRunner(INTAKE, intake.decide, context=lambda at, _: Context(at)),
        _triage_runner(),
        MemoryRunner(SLA, sla.decide, context=lambda at, _: sla.SlaContext(at, policies)),
        MemoryRunner(
            NOTIFY, notify.decide, context=lambda at, _: notify.NotifyContext(at, acknowledge_within=ACKNOWLEDGE_WITHIN)
        ),
    ]
    return Simulation(runners, now=now, workers=workers)


@cache
def _load_policies(around: date) -> Rulebook:
    return load_policies(None, around=around)


def _triage_runner() -> MemoryRunner[triage.TriageState, triage.TriageContext]:
    """Return a runner for triage. The open cases of handlers are counted from the states, in production by the store."""
    load_states: Callable[[], Mapping[Any, triage.TriageState]] = lambda: runner.states  # noqa: E731 (the runner does not exist yet)

    def context(at: datetime, prepared: Any) -> triage.TriageContext:
        load = Counter(case.handler for case in load_states().values() if case.is_open and case.handler)
        return triage.TriageContext(at, RULES, triage.Roster(RULES.teams, load), prepared or {}, THRESHOLD)

    runner = MemoryRunner(
        TRIAGE,
        triage.decide,
        context=context,
        prepare=TRIAGE_STORE.prepare,
        due_at=lambda case: promoted_columns(case)[-1],
    )
    return runner


async def file_complaint(simulation: Simulation, text: str = "", **changes: Any) -> ComplaintId:
    """File a complaint at the time of the simulation; `changes` apply to the customer's contact."""
    contact = {"name": "Customer 12", "email": "customer12@example.org", "locale": "en", "timezone": "UTC"} | changes
    number = complaint_id()
    await simulation.submit(
        INTAKE,
        intake.FileComplaint(
            number,
            reference="RC-7K3M-9QPX-5",
            client="shop",
            channel="web",
            received_at=simulation.now,
            customer=Contact(**contact),
            narrative=Narrative(
                subject="Kettle arrived broken",
                text=text or "The parcel came late and the kettle in it is broken. I want a refund.",
                expected_outcome="A new kettle",
            ),
        ),
    )
    return number
