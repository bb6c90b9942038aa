"""A calendar changes: every open clock is worked out anew, while timers go on firing and people go on asking."""

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
from tests.bench.timers.ground import Ground

BEHIND = "select exists (select from complaint where is_open and revision < %s)"
SAID = "select count(*) from outbox where said_at >= %s and value like '%%clock.rebased%%'"
MOVED = "select count(*) from complaint where revision = %s"
ANYBODY = "select complaint_id from complaint tablesample system (0.1) where is_open limit 200"
PATIENCE = 300.0
PAUSE = 0.2  # seconds between two questions of whoever goes on asking


@dataclass
class Asked:
    """What somebody got who went on asking: a look at a complaint, then a promise made, both in milliseconds."""

    port: int
    token: str
    looks: list[float] = field(default_factory=list)
    promises: list[float] = field(default_factory=list)
    refused: int = 0

    def ask(self, complaint: Any) -> None:
        """Look, and name a date for the next word; who was overtaken by the move is refused and would look again."""
        seen, headers = self._timed(self.looks, "GET", f"/v1/complaints/{complaint}/clocks")
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


def move(side: Ground, request: Asked) -> dict[str, Any]:
    """Publish a holiday that moves what is open; look until no open complaint is under the rulebook before."""
    with side.asking() as conn:
        used = side.cpu()
        revision, published_at = asyncio.run(_publish(side.dsn))
        begun = time.monotonic()
        subjects = _somebody(conn)
        while _value(conn, BEHIND, revision):
            if time.monotonic() - begun > PATIENCE:
                raise RuntimeError(f"open clocks are still under an older rulebook after {PATIENCE:.0f} s")
            request.ask(next(subjects))
            time.sleep(PAUSE)
        seconds, now = time.monotonic() - begun, side.cpu()
        moved = _value(conn, MOVED, revision)
        return {
            "complaints": moved,
            "seconds": seconds,
            "events": _value(conn, SAID, published_at),
            "asked": len(request.promises),
            "refused": request.refused,
            "look_p99_ms": percentile(sorted(request.looks), 99),
            "promise_p99_ms": percentile(sorted(request.promises), 99),
            "cpu_us": {who: (now[who] - used[who]) / max(1, moved) * 1e6 for who in now},
        }


async def _publish(dsn: str) -> tuple[int, datetime]:
    """The office is closed on one more day of this week or the next. Done as another replica would: in the database."""
    data = read_file(None, PACKS)
    shelf = RulebookRepository(data, lambda: datetime.now(UTC).date())
    conn = await asyncpg.connect(dsn)
    try:
        async with conn.transaction():
            await shelf.refresh(conn)
            number = await shelf.publish(conn, _closed(data), "rebase_open", "storm", "bench")
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
    """The second one from today."""
    days = (datetime.now(UTC).date() + timedelta(days=ahead) for ahead in range(1, 10))
    return [day for day in days if day.weekday() < 5][1]


def _somebody(conn: psycopg.Connection) -> Iterator[Any]:
    while True:
        rows = conn.execute(ANYBODY).fetchall()
        yield from (row[0] for row in rows or conn.execute("select complaint_id from complaint limit 50").fetchall())


def _value(conn: psycopg.Connection, sql: str, *parameters: Any) -> Any:
    row = conn.execute(sql.encode(), parameters).fetchone()
    assert row is not None
    return row[0]
