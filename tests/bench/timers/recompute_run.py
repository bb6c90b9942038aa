"""Recompute run: publish a calendar change, so that every open clock is recomputed, while timers fire and requests arrive."""

import asyncio
import json
import time
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from http.client import HTTPConnection
from typing import Any

import asyncpg
import psycopg

from services.sla.policies import read_file
from services.sla.store.rulebooks import RulebookRepository
from tests.bench.http_load import percentile
from tests.bench.timers.clocks import PACKS
from tests.bench.timers.database import BenchDatabase

HAS_OLDER_REVISION = "select exists (select from complaint where is_open and revision < %s)"
COUNT_REBASED_EVENTS = "select count(*) from outbox where said_at >= %s and value like '%%clock.rebased%%'"
COUNT_RECOMPUTED = "select count(*) from complaint where revision = %s"
SELECT_SAMPLE = "select complaint_id from complaint tablesample system (0.1) where is_open limit 200"
PATIENCE = 300.0
PAUSE = 0.2  # seconds between two pairs of requests


@dataclass
class ApiClient:
    """Client that reads clocks and makes promises during a recomputation; records the response times in milliseconds."""

    port: int
    token: str
    reads: list[float] = field(default_factory=list)
    promises: list[float] = field(default_factory=list)
    refused: int = 0

    def send(self, complaint: Any) -> None:
        """Read the clocks of a complaint and promise an update; count a 412 if the complaint was recomputed in between."""
        seen, headers = self._timed(self.reads, "GET", f"/v1/complaints/{complaint}/clocks")
        due_at = (datetime.now(UTC) + timedelta(days=3)).isoformat()
        form = json.dumps({"subject": "next_update", "due_at": due_at})
        made, _ = self._timed(
            self.promises, "POST", f"/v1/complaints/{complaint}/promises", form, {"if-match": headers.get("etag", "")}
        )
        self.refused += made == 412
        if seen != 200 or made not in (201, 409, 412):
            raise RuntimeError(f"expected answers while clocks move, got {seen} and {made}")

    def _timed(
        self, into: list[float], method: str, path: str, body: str | None = None, extra: Mapping[str, str] | None = None
    ) -> tuple[int, dict[str, str]]:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=30)
        headers = {"authorization": f"Bearer {self.token}", "content-type": "application/json", **(extra or {})}
        begun = time.perf_counter()
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        answer.read()
        into.append((time.perf_counter() - begun) * 1e3)
        connection.close()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}


def run_recompute(database: BenchDatabase, client: ApiClient) -> dict[str, Any]:
    """Publish a holiday and wait until no open complaint is under an older revision; return the figures."""
    with database.connect() as conn:
        used = database.cpu_seconds()
        revision, published_at = asyncio.run(_publish(database.dsn))
        begun = time.monotonic()
        subjects = _sample_complaints(conn)
        while _value(conn, HAS_OLDER_REVISION, revision):
            if time.monotonic() - begun > PATIENCE:
                raise RuntimeError(f"open clocks are still under an older rulebook after {PATIENCE:.0f} s")
            client.send(next(subjects))
            time.sleep(PAUSE)
        seconds, now = time.monotonic() - begun, database.cpu_seconds()
        moved = _value(conn, COUNT_RECOMPUTED, revision)
        return {
            "complaints": moved,
            "seconds": seconds,
            "events": _value(conn, COUNT_REBASED_EVENTS, published_at),
            "requested": len(client.promises),
            "refused": client.refused,
            "read_p99_ms": percentile(sorted(client.reads), 99),
            "promise_p99_ms": percentile(sorted(client.promises), 99),
            "cpu_us": {who: (now[who] - used[who]) / max(1, moved) * 1e6 for who in now},
        }


async def _publish(dsn: str) -> tuple[int, datetime]:
    """Publish one more holiday of the office in the next days, through the database as another replica does."""
    data = read_file(None, PACKS)
    repository = RulebookRepository(data, lambda: datetime.now(UTC).date())
    conn = await asyncpg.connect(dsn)
    try:
        async with conn.transaction():
            await repository.refresh(conn)
            number = await repository.publish(conn, _closed(data), "rebase_open", "storm", "bench")
            return number, await conn.fetchval("select now()")
    finally:
        await conn.close()


def _closed(data: dict[str, Any]) -> dict[str, Any]:
    changed = deepcopy(data)
    office = next(calendar for calendar in changed["calendar"] if calendar["id"] == "office")
    holidays = [*office.get("holidays", ()), {"on": _working_day().isoformat(), "name": "Storm"}]
    changed["calendar"].append({**office, "version": office["version"] + 1, "holidays": holidays})
    return changed


def _working_day() -> date:
    """Return the second working day after today."""
    days = (datetime.now(UTC).date() + timedelta(days=ahead) for ahead in range(1, 10))
    return [day for day in days if day.weekday() < 5][1]


def _sample_complaints(conn: psycopg.Connection) -> Iterator[Any]:
    while True:
        rows = conn.execute(SELECT_SAMPLE).fetchall()
        yield from (row[0] for row in rows or conn.execute("select complaint_id from complaint limit 50").fetchall())


def _value(conn: psycopg.Connection, sql: str, *parameters: Any) -> Any:
    row = conn.execute(sql.encode(), parameters).fetchone()
    assert row is not None
    return row[0]
