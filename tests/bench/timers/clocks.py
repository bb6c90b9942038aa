"""Complaints of a working week for the benchmark, each derived with the `apply` and `decide` of sla, none copied.

Every complaint has its own time of receipt, so that no cached result is shared. Complaints whose timer fires run around
the clock: a promise that the customer was told breaks, or an escalation step fires.
"""

import asyncio
import random
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache, reduce
from itertools import cycle
from multiprocessing import get_context
from typing import Any

import asyncpg

from services.sla.domain import MakePromise, SlaContext, SlaState, decide, evaluate
from services.sla.domain.apply import apply
from services.sla.policies import Rulebook, load_rulebook
from services.sla.store.states import PROMOTED, promoted
from shared.contracts import Event, Fact
from shared.contracts.events import Assigned, ComplaintReceived, MessageAccepted, MessageAdded, Triaged
from shared.runner.state_store import serialize_state
from shared.runner.types import Tick
from tests.factories import complaint_id, event

PACKS = ("uk-disp",)
WORKERS = 2
QUIET = timedelta(minutes=40)  # no stored complaint falls due during a measurement
COLUMNS = ("complaint_id", "state", "version", *PROMOTED)
CREATE_REQUESTED = """
create table if not exists asked (
    complaint_id uuid primary key, part text not null, due_at timestamptz not null, what text not null)
"""
INSERT_REQUESTED = "insert into asked select * from unnest($1::uuid[], $2::text[], $3::timestamptz[], $4::text[])"
PROMISE = "promise:2"
RUNGS = {"50%": timedelta(hours=10), "75%": timedelta(hours=15), "90%": timedelta(hours=18)}  # of twenty hours


@dataclass(frozen=True)
class ComplaintBatch:
    """Complaints for one worker to make: `moments` are the due times of their timers; `count` is for those without one."""

    dsn: str
    part: str
    moments: Sequence[datetime] = ()
    count: int = 0
    rungs: bool = False


class ComplaintMakers:
    """Pool of processes that write complaints to a database of sla; each loads the rulebook once."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._pool = ProcessPoolExecutor(WORKERS, mp_context=get_context("spawn"))

    def store(self, count: int) -> float:
        """Store `count` complaints with no timer soon; return the average number of open clocks in a sample of 100."""
        self._make([ComplaintBatch(self._dsn, "stored", count=size) for size in _sizes(count)])
        return sum(_open_clocks(_idle_complaint()) for _ in range(100)) / 100

    def plan(self, part: str, moments: Sequence[datetime], *, rungs: bool = False) -> None:
        """Store one complaint for each due time: its promise breaks, or with `rungs` a step of `RUNGS` fires in turn."""
        pieces = [moments[start : start + 500] for start in range(0, len(moments), 500)]
        self._make([ComplaintBatch(self._dsn, part, piece, rungs=rungs) for piece in pieces])

    def _make(self, pieces: Sequence[ComplaintBatch]) -> None:
        for _ in self._pool.map(make_complaints, pieces):
            pass

    def close(self) -> None:
        """Stop the processes."""
        self._pool.shutdown()


def _sizes(count: int, most: int = 5_000) -> Iterator[int]:
    yield from (min(most, count - done) for done in range(0, count, most))


def make_complaints(piece: ComplaintBatch) -> None:
    """Make and store a batch; complaints with a due time are also written to the table `asked`."""
    kinds = (PROMISE, *RUNGS) if piece.rungs else (PROMISE,)
    kinds_of_states = [kind for kind, _ in zip(cycle(kinds), piece.moments, strict=False)]
    states = [_firing_complaint(at, kind) for at, kind in zip(piece.moments, kinds_of_states, strict=True)]
    asyncio.run(_copy(piece, states or [_idle_complaint() for _ in range(piece.count)], kinds_of_states))


async def _copy(piece: ComplaintBatch, states: Sequence[SlaState], kinds: Sequence[str]) -> None:
    conn = await asyncpg.connect(piece.dsn)
    rows = [(state.complaint_id, serialize_state(state), state.version, *promoted(state)) for state in states]
    async with conn.transaction():
        await conn.copy_records_to_table("complaint", records=rows, columns=COLUMNS)
        if piece.moments:
            ids = [state.complaint_id for state in states]
            await conn.execute(INSERT_REQUESTED, ids, [piece.part] * len(ids), piece.moments, kinds)
    await conn.close()


def _idle_complaint() -> SlaState:
    """Return a complaint that is assigned, with a new message of the customer, and no timer soon."""
    while True:
        now = datetime.now(UTC)
        state = _received_complaint(now - timedelta(seconds=random.uniform(3 * 3600, 60 * 3600)), "normal")
        wrote_at = now - timedelta(seconds=random.uniform(60, 3600))
        state = _apply_decision(state, _event(state, MessageAdded(author="customer"), wrote_at, 2), wrote_at)
        if state.due_at is not None and state.due_at > now + QUIET:
            return state


def _firing_complaint(at: datetime, kind: str) -> SlaState:
    state = _complaint_with_promise(at) if kind == PROMISE else _complaint_before_step(at, RUNGS[kind])
    if state.due_at is None or not timedelta() <= state.due_at - at < timedelta(milliseconds=1):
        raise RuntimeError(f"expected a complaint that is due at {at}, got {state.due_at}")
    return state


def _complaint_with_promise(at: datetime) -> SlaState:
    """Return a complaint with a call back promised for `at`, of which the customer was told, and no step before it."""
    now = datetime.now(UTC)
    state = _received_complaint(now - timedelta(seconds=random.uniform(2 * 3600, 9 * 3600)), "critical")
    asked_at = now - timedelta(seconds=random.uniform(60, 3600))
    command = MakePromise(state.complaint_id, actor="handler", subject="action", item="call back", due_at=at)
    state = _apply_decision(_with_terms(state), command, asked_at)
    return _apply_decision(
        state, _event(state, _accepted("progress", asked_at, states_promise=2), asked_at, 2), asked_at
    )


def _complaint_before_step(at: datetime, way: timedelta) -> SlaState:
    """Return a complaint received so long before `at` that a step is due then; earlier steps have fired."""
    now = datetime.now(UTC)
    return _apply_decision(_with_terms(_received_complaint(at - way, "critical")), Tick(now), now)


def _with_terms(state: SlaState) -> SlaState:
    """Return the state with its terms and the promised date, after one more message."""
    at = state.moments[-1].at
    return _apply_decision(state, _event(state, MessageAdded(author="handler"), at, 2), at)


def _received_complaint(at: datetime, severity: str) -> SlaState:
    """Return a complaint received at `at`, triaged, assigned and acknowledged; events are applied without a decision."""
    empty = SlaState(complaint_id=complaint_id())
    received = ComplaintReceived(reference="RC-BENCH", client="bench", channel="web", received_at=at)
    triaged = Triaged(
        category=("billing",), severity=severity, language="en", confidence=1, decided_by="rules", decider_version="1"
    )
    acknowledged_at = at + timedelta(minutes=5)
    events = [
        _event(empty, received, at),
        _event(empty, triaged, at + timedelta(seconds=1)),
        _event(empty, Assigned(team="billing", handler="handler-1"), at + timedelta(minutes=3), 2),
        _event(empty, _accepted("acknowledgement", acknowledged_at, states_promise=1), acknowledged_at),
    ]
    return reduce(apply, events, empty)


def _accepted(kind: str, at: datetime, *, states_promise: int) -> MessageAccepted:
    return MessageAccepted(
        message=f"{kind}-1",
        message_kind=kind,
        channel="email",
        accepted_at=at,
        locale="en",
        template="1",
        cause="cause-1",
        states_promise=states_promise,
    )


def _event(state: SlaState, facts: Fact, at: datetime, sequence: int = 1) -> Event[Any]:
    return event(facts, subject=state.complaint_id, time=at, sequence=sequence)


def _apply_decision(state: SlaState, input_: Any, at: datetime) -> SlaState:
    decision = decide(state, input_, SlaContext(at, _rulebook()))
    after = decision.state or state
    return after.replace(last_sequence=state.last_sequence + len(decision.events), version=1)


def _open_clocks(state: SlaState) -> int:
    return sum(clock.is_open for clock in evaluate(state, _rulebook()).clocks)


@cache
def _rulebook() -> Rulebook:
    return load_rulebook(None, around=datetime.now(UTC).date(), packs=PACKS)
