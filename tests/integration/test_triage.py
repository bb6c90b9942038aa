"""Triage on real PostgreSQL, through the runner: counts of open cases, waiting cases, decisions of a person."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from services.triage.app import SCHEMA
from services.triage.classifier.language import Languages
from services.triage.classifier.lexicon import LexiconClassifier
from services.triage.domain import DecideCase, decide
from services.triage.rulebook import TriageRulebook, load_rulebook
from services.triage.store.cases import select_case, select_queue
from services.triage.store.states import TriageStore
from shared.contracts import TRIAGE
from shared.contracts.events import Resolved
from shared.errors import Rejected
from shared.messaging.broker import service_broker
from shared.runner.runner import BatchResult
from shared.runner.spec import ServiceSpec
from shared.runtime import Runtime
from shared.service import ServiceApp
from shared.settings import ServiceSettings
from tests.factories import NOON, complaint_id, event, personal, received, record, settings
from tests.integration.service_client import Keys, ServiceClient, service_client


class TriageClient(ServiceClient):
    """Client of triage that reads the stored counts."""

    async def load(self) -> dict[str, int]:
        return dict(await self.pool.fetch("select handler, open_cases from handler where open_cases <> 0"))


@pytest.fixture(scope="module")
async def module_triage(session_dsns: dict[str, str], keys: Keys) -> AsyncIterator[TriageClient]:
    chosen = settings(session_dsns["triage"], keys[1], retry_seconds=2)
    async with service_client(build_small_team, chosen, keys, client=TriageClient) as client:
        yield client


@pytest.fixture
async def triage(module_triage: TriageClient) -> TriageClient:
    """Triage without stored rows."""
    await module_triage.pool.execute("truncate complaint, handler, inbox, outbox")
    return module_triage


def build_small_team(settings: ServiceSettings) -> ServiceApp:
    """Build triage with the standard rulebook, except that the team `deliveries` has capacity for four cases only."""
    rules = load_rulebook()
    team = rules.teams["deliveries"]
    two = tuple(handler.model_copy(update={"capacity": 2}) for handler in team.handlers[:2])
    teams = {**rules.teams, "deliveries": team.model_copy(update={"handlers": two})}
    rules = TriageRulebook(**{name: getattr(rules, name) for name in TriageRulebook.__slots__} | {"teams": teams})
    store = TriageStore(rules, LexiconClassifier(rules, Languages(["en", "nb"])), 0.45)
    runtime = Runtime(ServiceSpec(TRIAGE, decide, store), settings)
    return ServiceApp(runtime, service_broker(runtime), SCHEMA)


def complaint(subject=None, text: str = "My parcel never arrived, the courier lost it."):
    return event(received(), subject=subject or complaint_id(), **personal(text))


def answer(subject):
    return event(Resolved(outcome="upheld", resolved_at=NOON), subject=subject, sequence=2)


async def test_a_batch_is_classified_assigned_and_counted(triage: TriageClient) -> None:
    complaints = [complaint() for _ in range(3)]
    assert await triage.runner.apply_records([record(event) for event in complaints]) == BatchResult(done=3)
    assert await triage.load() == {"deliveries-1": 2, "deliveries-2": 1}
    published = await triage.events()
    assert [event.type.split(".")[2] for event in published] == ["triaged", "assigned"] * 3
    assert published[1].staff().name == "Handler 1 (Deliveries)"
    case = await select_case(triage.pool, complaints[0].subject)
    assert case is not None
    assert (case.category, case.team) == (("delivery",), "deliveries")


async def test_no_text_of_the_customer_is_stored_or_published(triage: TriageClient) -> None:
    await triage.runner.apply_records([record(complaint(text="My parcel never arrived, says Xanthippe."))])
    stored = await triage.pool.fetchval("select string_agg(state::text, '') from complaint")
    published = await triage.pool.fetchval("select string_agg(convert_from(value, 'UTF8'), '') from outbox")
    assert "Xanthippe" not in stored + published
    assert "customer-1@example.com" not in stored + published


async def test_a_case_of_a_full_team_waits_and_the_most_severe_is_assigned_first(triage: TriageClient) -> None:
    first = [complaint() for _ in range(4)]
    normal, severe = complaint(), complaint(text="My parcel never arrived, my baby needs the insulin in it.")
    await triage.runner.apply_records([record(event) for event in [*first, normal, severe]])
    assert await triage.runner.fire_timers(100) == 0, "the team is full"
    await triage.runner.apply_records([record(answer(first[0].subject))])
    while await triage.runner.fire_timers(1):
        pass
    assert (await select_case(triage.pool, severe.subject)).handler == "deliveries-1"  # type: ignore[union-attr]
    assert (await select_case(triage.pool, normal.subject)).handler is None  # type: ignore[union-attr]
    assert await triage.load() == {"deliveries-1": 2, "deliveries-2": 2}
    queue = await select_queue(triage.pool, "deliveries", limit=10, offset=0)
    assert queue[0].complaint_id == severe.subject
    assert len(queue) == 5, "a closed case is in no queue"
    assert await select_queue(triage.pool, "deliveries", limit=10, offset=5) == []


async def test_counts_add_up_when_batches_and_decisions_run_at_once(triage: TriageClient) -> None:
    complaints = [complaint(text=text) for text in ("My parcel never arrived.", "You charged me twice.") * 40]
    batches = [complaints[start : start + 20] for start in range(0, 80, 20)]
    await asyncio.gather(*(triage.runner.apply_records([record(event) for event in batch]) for batch in batches))
    moves = [[DecideCase(event.subject, by="crm", category="privacy")] for event in complaints[:20]]
    closings = [
        triage.runner.apply_records([record(answer(event.subject)) for event in batch[::2]]) for batch in batches[2:]
    ]
    await asyncio.gather(*(triage.runner.handle_commands(move) for move in moves), *closings)
    counted = await triage.pool.fetch(
        "select state->>'handler', count(*) from complaint where open and state ? 'handler' group by 1"
    )
    assert await triage.load() == dict(counted)


async def test_a_decision_is_published_and_an_invalid_one_does_not_affect_others(triage: TriageClient) -> None:
    event = complaint(text="Something about something.")
    await triage.runner.apply_records([record(event)])
    good = DecideCase(event.subject, by="crm", category="billing")
    wrong, unknown = DecideCase(event.subject, by="crm", category="nonsense"), DecideCase(complaint_id(), by="crm")
    results = await triage.runner.handle_commands([wrong, good, unknown])
    assert [isinstance(result, Rejected) for result in results] == [True, False, True]
    assert await triage.load() == {"payments-1": 1}
    assert [event.facts.kind for event in await triage.events()][-2:] == ["complaint.triaged", "complaint.assigned"]
