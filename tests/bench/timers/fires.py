"""How late effects were: from the moment that was asked for to the commit, both by the database's clock."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import psycopg

# Effects of a side as (when it was to be, when it was there).
RIVAL = "select due_at, pg_xact_commit_timestamp(xmin) from effect"
# The first event about each complaint that was asked to fire.
OURS = """
select a.due_at, min(pg_xact_commit_timestamp(o.xmin))
from outbox o join asked a on a.complaint_id = o.key where a.part = %(part)s group by a.complaint_id, a.due_at
"""
# Cheap to ask again and again: how many a rival has done; whether anything of ours is due, or has yet to be.
DONE = "select count(*) >= %(count)s from effect"
NOTHING_LEFT = "select now() > %(last)s and not exists (select from complaint where due_at <= now())"
FIGURES = """
select count(*), extract(epoch from max(at) - min(due_at)),
    percentile_disc(array[0.5, 0.99, 1]) within group (order by extract(epoch from at - due_at) * 1000),
    count(*) filter (where at < due_at)
from ({fires}) as fire(due_at, at)
"""


@dataclass(frozen=True)
class Fired:
    """What became of so many timers. Rate from the first due moment to the last effect."""

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
        """Fires a second."""
        return self.fired / self.seconds if self.seconds else 0.0

    def plain(self) -> dict[str, Any]:
        """For the report's file."""
        return {**vars(self), "rate": self.rate}


def measured(conn: psycopg.Connection, count: int, part: str | None = None) -> Fired:
    """The figures of a rival's effects, or of ours for one part."""
    row = conn.execute(FIGURES.format(fires=OURS if part else RIVAL), {"part": part}).fetchone()
    assert row is not None
    fired, seconds, (p50, p99, most), early = row[0], row[1] or 0.0, row[2] or (0.0, 0.0, 0.0), row[3]
    return Fired(count, fired, early, float(seconds), float(p50), float(p99), float(most))


def is_begun(conn: psycopg.Connection, moments: Sequence[datetime]) -> bool:
    """Whether the first of these has come."""
    row = conn.execute("select clock_timestamp() >= %s", [moments[0]]).fetchone()
    return row is not None and bool(row[0])


def is_done(conn: psycopg.Connection, moments: Sequence[datetime], *, is_redress: bool) -> bool:
    """Whether all of these have fired, as far as a quick look can tell."""
    parameters = {"count": len(moments), "last": moments[-1]}
    row = conn.execute(NOTHING_LEFT if is_redress else DONE, parameters).fetchone()
    return row is not None and bool(row[0])


def spread(begin: datetime, rate: int, seconds: int) -> list[datetime]:
    """So many moments in each second, all at its beginning: due times of clocks are whole seconds."""
    return [begin + timedelta(seconds=second) for second in range(seconds) for _ in range(rate)]
