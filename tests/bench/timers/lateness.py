"""Lateness of effects: from the requested time to the commit, both by the database's clock."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import psycopg

# Effects of another scheduler as (requested time, commit time).
SELECT_OTHER_EFFECTS = "select due_at, pg_xact_commit_timestamp(xmin) from effect"
# The first event about each complaint with a requested timer.
SELECT_REDRESS_EFFECTS = """
select a.due_at, min(pg_xact_commit_timestamp(o.xmin))
from outbox o join asked a on a.complaint_id = o.key where a.part = %(part)s group by a.complaint_id, a.due_at
"""
# Cheap enough to poll: has another scheduler done all jobs; has Redress nothing due now and no requested timer ahead.
IS_COUNT_REACHED = "select count(*) >= %(count)s from effect"
IS_NOTHING_DUE = "select now() > %(last)s and not exists (select from complaint where due_at <= now())"
SELECT_LATENESS = """
select count(*), extract(epoch from max(at) - min(due_at)),
    percentile_disc(array[0.5, 0.99, 1]) within group (order by extract(epoch from at - due_at) * 1000),
    count(*) filter (where at < due_at)
from ({fires}) as fire(due_at, at)
"""


@dataclass(frozen=True)
class Lateness:
    """Lateness of a number of timers. `seconds` is from the first due time to the last effect."""

    requested: int
    fired: int
    early: int
    seconds: float
    p50_ms: float
    p99_ms: float
    max_ms: float
    cpu_us: Mapping[str, float] = field(default_factory=dict)  # of each fire, by process

    @property
    def rate(self) -> float:
        """Timers fired per second."""
        return self.fired / self.seconds if self.seconds else 0.0

    def to_json(self) -> dict[str, Any]:
        """Return the figures for the report's JSON file."""
        return {**vars(self), "rate": self.rate}


def measure_lateness(conn: psycopg.Connection, count: int, part: str | None = None) -> Lateness:
    """Return the lateness of the effects of another scheduler, or of Redress for one part."""
    row = conn.execute(
        SELECT_LATENESS.format(fires=SELECT_REDRESS_EFFECTS if part else SELECT_OTHER_EFFECTS), {"part": part}
    ).fetchone()
    assert row is not None
    fired, seconds, (p50, p99, most), early = row[0], row[1] or 0.0, row[2] or (0.0, 0.0, 0.0), row[3]
    return Lateness(count, fired, early, float(seconds), float(p50), float(p99), float(most))


def is_begun(conn: psycopg.Connection, moments: Sequence[datetime]) -> bool:
    """Return True if the first of these times has passed."""
    row = conn.execute("select clock_timestamp() >= %s", [moments[0]]).fetchone()
    return row is not None and bool(row[0])


def is_done(conn: psycopg.Connection, moments: Sequence[datetime], *, is_redress: bool) -> bool:
    """Return True if all of these have fired, as far as a cheap query can tell."""
    parameters = {"count": len(moments), "last": moments[-1]}
    row = conn.execute(IS_NOTHING_DUE if is_redress else IS_COUNT_REACHED, parameters).fetchone()
    return row is not None and bool(row[0])


def spread(begin: datetime, rate: int, seconds: int) -> list[datetime]:
    """Return `rate` times in each second, all at its start: due times of clocks are whole seconds."""
    return [begin + timedelta(seconds=second) for second in range(seconds) for _ in range(rate)]
