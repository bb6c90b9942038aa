"""Two implementations for the same tests: the in-memory runner and the runner on PostgreSQL."""

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import pytest

from shared.contracts import TRIAGE, ComplaintId, Event, read
from shared.ops.metrics import Metrics
from shared.runner.replay import Replay, ReplayResult
from shared.runner.runner import Runner
from shared.runner.types import Context
from shared.storage import postgres
from shared.testing import MemoryRunner
from tests.factories import settings
from tests.toy import SCHEMA, decide, toy


class Candidate(Protocol):
    """Interface of a tested runner."""

    runner: Any

    async def load_words(self, subject: ComplaintId) -> tuple[str, ...]: ...
    async def load_events(self) -> Sequence[Event[Any]]: ...
    async def load_letters(self) -> Sequence[tuple[str, str]]: ...
    async def replay(self, subject: ComplaintId) -> ReplayResult: ...
    async def seconds_until_due(self) -> Any: ...


class OnPostgres:
    def __init__(self, pool: Any, dsn: str, public_key: Path) -> None:
        chosen = settings(dsn, public_key)
        self.pool = pool
        self.runner = Runner(toy(), pool=lambda: pool, settings=chosen, metrics=Metrics())
        self._replay = Replay(toy(), pool=lambda: pool, settings=chosen)

    async def load_words(self, subject: ComplaintId) -> tuple[str, ...]:
        async with postgres.transaction(self.pool) as conn:
            return await toy().store.load_words(conn, subject)  # type: ignore[attr-defined]

    async def load_events(self) -> Sequence[Event[Any]]:
        rows = await self.pool.fetch("select value from outbox where topic = $1 order by xid, id", TRIAGE.topic)
        return [read(row[0]) for row in rows]

    async def load_letters(self) -> Sequence[tuple[str, str]]:
        return [(row["status"], row["error"]) for row in await self._replay.list_open(None, 100)]

    async def replay(self, subject: ComplaintId) -> ReplayResult:
        return await self._replay.replay(subject)

    async def seconds_until_due(self) -> float | None:
        return await self.runner.seconds_until_due()


class InMemory:
    def __init__(self) -> None:
        self.runner = MemoryRunner(TRIAGE, decide, context=lambda now, _: Context(now))

    async def load_words(self, subject: ComplaintId) -> tuple[str, ...]:
        state = self.runner.states.get(subject)
        return state.words if state else ()

    async def load_events(self) -> Sequence[Event[Any]]:
        return [read(row.value) for row in self.runner.rows]

    async def load_letters(self) -> Sequence[tuple[str, str]]:
        return [(letter.status, letter.error) for letter in self.runner.dead]

    async def replay(self, subject: ComplaintId) -> ReplayResult:
        return await self.runner.replay(subject)

    async def seconds_until_due(self) -> float | None:
        due = self.runner.next_due_at(datetime.min.replace(tzinfo=UTC))
        return (due - self.runner.now).total_seconds() if due else None


@pytest.fixture(params=["memory", "postgres"])
async def candidate(request: pytest.FixtureRequest) -> AsyncIterator[Candidate]:
    if request.param == "memory":
        yield InMemory()
        return
    dsn = request.getfixturevalue("dsns")["triage"]
    await postgres.migrate(dsn, SCHEMA)
    pool = await postgres.connect(settings(dsn, Path("unused")), "toy")
    yield OnPostgres(pool, dsn, request.getfixturevalue("keys")[1])
    await pool.close()
