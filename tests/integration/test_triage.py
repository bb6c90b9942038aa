"""Triage on real PostgreSQL, through the runner: counts of open cases, waiting cases, decisions of a person."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import psycopg
import pytest

from deploy.local.postgres import EmbeddedPostgres
from deploy.local.provision import provision
from services.triage.app import SCHEMA
from services.triage.classifier.language import Languages
from services.triage.classifier.lexicon import LexiconClassifier
from services.triage.domain import DecideCase, TriageState, decide
from services.triage.rulebook import TriageRulebook, load_rulebook
from services.triage.store.cases import select_case, select_queue
from services.triage.store.states import TriageStore
from shared.contracts import TRIAGE, read
from shared.contracts.events import Resolved
from shared.errors import Rejected
from shared.ops.metrics import Metrics
from shared.runner.runner import BatchResult, Runner
from shared.runner.spec import ServiceSpec
from shared.storage.postgres import connect, migrate
from tests.factories import NOON, complaint_id, event, personal, received, record, settings


@dataclass
class TriageService:
    """Triage without Kafka and HTTP."""

    runner: Runner[TriageState, Any]
    pool: asyncpg.Pool
    rules: TriageRulebook

    async def load(self) -> dict[str, int]:
        return dict(await self.pool.fetch("select handler, open_cases from handler where open_cases <> 0"))

    async def published(self) -> list[Any]:
        return [read(row[0]) for row in await self.pool.fetch("select value from outbox order by xid, id")]


@pytest.fixture(scope="module")
def dsn(postgres: EmbeddedPostgres) -> Iterator[str]:
    """One database for this file: making one takes longer than a test."""
    name = f"test_{uuid4().hex[:12]}"
    with psycopg.connect(postgres.dsn, autocommit=True) as admin:
        admin.execute(f"create database {name}")
        target = postgres.dsn.rsplit("/", 1)[0] + f"/{name}"
        yield provision(target, postgres.home / "secrets" / "postgres.json")["triage"]
        admin.execute(f"drop database {name} with (force)")


@pytest.fixture(scope="module")
async def running(dsn: str, keys: tuple[Path, Path]) -> AsyncIterator[TriageService]:
    chosen = settings(dsn, keys[1], retry_seconds=2)
    await migrate(dsn, SCHEMA)
    pool = await connect(chosen, "triage")
    rules = small(load_rulebook())
    store = TriageStore(rules, LexiconClassifier(rules, Languages(["en", "nb"])), 0.45)
    yield TriageService(
        Runner(ServiceSpec(TRIAGE, decide, store), pool=lambda: pool, settings=chosen, metrics=Metrics()), pool, rules
    )
    await pool.close()


@pytest.fixture
async def service(running: TriageService) -> TriageService:
    """The running service, with nothing in it."""
    await running.pool.execute("truncate complaint, handler, inbox, outbox")
    return running


def small(rules: TriageRulebook) -> TriageRulebook:
    """The shipped rulebook, but deliveries has room for four cases only."""
    team = rules.teams["deliveries"]
    two = tuple(handler.model_copy(update={"capacity": 2}) for handler in team.handlers[:2])
    teams = {**rules.teams, "deliveries": team.model_copy(update={"handlers": two})}
    return TriageRulebook(**{name: getattr(rules, name) for name in TriageRulebook.__slots__} | {"teams": teams})


def complaint(subject=None, text: str = "My parcel never arrived, the courier lost it."):
    return event(received(), subject=subject or complaint_id(), **personal(text))


def answer(subject):
    return event(Resolved(outcome="upheld", resolved_at=NOON), subject=subject, sequence=2)


async def test_a_batch_is_classified_assigned_and_counted(service: TriageService) -> None:
    complaints = [complaint() for _ in range(3)]
    assert await service.runner.apply_records([record(event) for event in complaints]) == BatchResult(done=3)
    assert await service.load() == {"deliveries-1": 2, "deliveries-2": 1}
    published = await service.published()
    assert [event.type.split(".")[2] for event in published] == ["triaged", "assigned"] * 3
    assert published[1].staff().name == "Handler 1 (Deliveries)"
    case = await select_case(service.pool, complaints[0].subject)
    assert case is not None
    assert (case.category, case.team) == (("delivery",), "deliveries")


async def test_no_text_of_the_customer_is_stored_or_published(service: TriageService) -> None:
    await service.runner.apply_records([record(complaint(text="My parcel never arrived, says Xanthippe."))])
    stored = await service.pool.fetchval("select string_agg(state::text, '') from complaint")
    published = await service.pool.fetchval("select string_agg(convert_from(value, 'UTF8'), '') from outbox")
    assert "Xanthippe" not in stored + published
    assert "customer-1@example.com" not in stored + published


async def test_a_case_of_a_full_team_waits_and_the_most_severe_is_assigned_first(service: TriageService) -> None:
    first = [complaint() for _ in range(4)]
    calm, grave = complaint(), complaint(text="My parcel never arrived, my baby needs the insulin in it.")
    await service.runner.apply_records([record(event) for event in [*first, calm, grave]])
    assert await service.runner.fire_timers(100) == 0, "nobody has room"
    await service.runner.apply_records([record(answer(first[0].subject))])
    while await service.runner.fire_timers(1):
        pass
    assert (await select_case(service.pool, grave.subject)).handler == "deliveries-1"  # type: ignore[union-attr]
    assert (await select_case(service.pool, calm.subject)).handler is None  # type: ignore[union-attr]
    assert await service.load() == {"deliveries-1": 2, "deliveries-2": 2}
    queue = await select_queue(service.pool, "deliveries", limit=10, offset=0)
    assert queue[0].complaint_id == grave.subject
    assert len(queue) == 5, "what is closed is in no queue"
    assert await select_queue(service.pool, "deliveries", limit=10, offset=5) == []


async def test_counts_add_up_when_batches_and_decisions_run_at_once(service: TriageService) -> None:
    complaints = [complaint(text=text) for text in ("My parcel never arrived.", "You charged me twice.") * 40]
    batches = [complaints[start : start + 20] for start in range(0, 80, 20)]
    await asyncio.gather(*(service.runner.apply_records([record(event) for event in batch]) for batch in batches))
    moves = [[DecideCase(event.subject, by="crm", category="privacy")] for event in complaints[:20]]
    closings = [
        service.runner.apply_records([record(answer(event.subject)) for event in batch[::2]]) for batch in batches[2:]
    ]
    await asyncio.gather(*(service.runner.handle_commands(move) for move in moves), *closings)
    counted = await service.pool.fetch(
        "select state->>'handler', count(*) from complaint where open and state ? 'handler' group by 1"
    )
    assert await service.load() == dict(counted)


async def test_a_decision_is_published_and_an_invalid_one_does_not_affect_others(service: TriageService) -> None:
    event = complaint(text="Something about something.")
    await service.runner.apply_records([record(event)])
    good = DecideCase(event.subject, by="crm", category="billing")
    wrong, unknown = DecideCase(event.subject, by="crm", category="nonsense"), DecideCase(complaint_id(), by="crm")
    results = await service.runner.handle_commands([wrong, good, unknown])
    assert [isinstance(result, Rejected) for result in results] == [True, False, True]
    assert await service.load() == {"payments-1": 1}
    assert [event.facts.kind for event in await service.published()][-2:] == ["complaint.triaged", "complaint.assigned"]
