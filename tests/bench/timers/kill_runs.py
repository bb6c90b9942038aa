"""Kill runs: kill the service with SIGKILL while timers fire, then check that no timer was lost or fired twice.

The check uses no code of the service. It compares the table of requested timers, written before, with the outbox and
the stored states.
"""

import json
import random
import signal
from collections import Counter
from collections.abc import Iterable
from typing import Any

import psycopg

from tests.bench.timers.clocks import PROMISE
from tests.bench.timers.database import BenchDatabase

COUNT_EVENTS = "select count(*) from outbox o join asked a on a.complaint_id = o.key where a.part = 'killed'"
IS_UNFINISHED = """
select exists (select from complaint where due_at <= now())
    or now() < (select max(due_at) from asked where part = 'killed')
"""
SELECT_EVENTS = "select o.key, o.value from outbox o join asked a on a.complaint_id = o.key where a.part = 'killed'"
SELECT_STATES = """
select a.complaint_id, a.what, c.state -> 'fired', c.state -> 'reached_at', c.state -> 'said', c.due_at <= now()
from asked a left join complaint c using (complaint_id) where a.part = 'killed'
"""
RUNG = "requester_wait:1:"


def kill_repeatedly(database: BenchDatabase, restart: Any, times: int) -> int:
    """Kill the process `times` times, each time soon after it fired a timer, and restart it. Return `times`."""
    with database.connect() as conn:
        for _ in range(times):
            enough = _count(conn, COUNT_EVENTS) + random.randint(1, 200)
            if not database.wait_until(lambda: _count(conn, COUNT_EVENTS) >= enough, 60):  # noqa: B023 (called at once)
                raise RuntimeError("expected timers to fire between two kills; there are too few")
            database.children["sla"].send_signal(signal.SIGKILL)
            database.children["sla"].kill()
            restart()
        if not database.wait_until(lambda: not conn.execute(IS_UNFINISHED).fetchone()[0], 300):  # type: ignore[index]
            raise RuntimeError("timers are still due five minutes after the last kill")
    return times


def count_errors(conn: psycopg.Connection) -> dict[str, Any]:
    """Count timers lost, timers fired twice, and gaps in the sequence numbers of events."""
    by_complaint: dict[Any, list[dict[str, Any]]] = {}
    for key, value in conn.execute(SELECT_EVENTS):
        by_complaint.setdefault(key, []).append(json.loads(value))
    rows = conn.execute(SELECT_STATES).fetchall()
    fired = sum(len(events) for events in by_complaint.values())
    doubled = sum(_doubles(by_complaint.get(row[0], ())) for row in rows)
    lost = sum(not _happened(row, by_complaint.get(row[0], ())) for row in rows)
    gaps = sum(_has_gaps(row[4] or 0, by_complaint.get(row[0], ())) for row in rows)
    return {"requested": len(rows), "events": fired, "lost": lost, "doubled": doubled, "gaps": gaps}


def _happened(row: tuple[Any, ...], events: Iterable[dict[str, Any]]) -> bool:
    """Return True if the timer is marked as fired in the state, nothing is due any more, and its event was published."""
    _, what, fired, reached_at, _, due = row
    if due is not False or reached_at is None:
        return False
    names = {_name(event) for event in events}
    return what in names if what == PROMISE else RUNG + what in (fired or ()) and RUNG + what in names


def _doubles(events: Iterable[dict[str, Any]]) -> int:
    return sum(count - 1 for count in Counter(_name(event) for event in events).values())


def _name(event: dict[str, Any]) -> str:
    facts = event["data"]["facts"]
    if "promise" in facts:
        return f"promise:{facts['promise']}"
    return f"{facts['clock']}:{facts['cycle']}:{facts.get('rung', event['type'])}"


def _has_gaps(last: int, events: Iterable[dict[str, Any]]) -> bool:
    numbers = sorted(int(event["sequence"]) for event in events)
    return numbers != list(range(last - len(numbers) + 1, last + 1))


def _count(conn: psycopg.Connection, sql: str) -> int:
    row = conn.execute(sql.encode()).fetchone()
    assert row is not None
    return int(row[0])
