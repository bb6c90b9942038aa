"""A batch is one transaction: inbox → load → decide → save → outbox → commit. The only place that commits decisions."""

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from time import perf_counter
from typing import Any, Generic, cast

import asyncpg
from aiokafka import ConsumerRecord

from shared.contracts.envelope import ComplaintId
from shared.errors import RedressError, Rejected, Unavailable
from shared.ops.metrics import Metrics
from shared.retry import anew, is_transient, patiently
from shared.runner.breaker import Breaker
from shared.runner.decode import DecodedBatch, ReceivedEvent, decode_records, parked_behind
from shared.runner.fold import BatchFolder, FoldResult, WaitsForDeadLetter
from shared.runner.spec import ServiceSpec
from shared.runner.state_store import LostUpdate
from shared.runner.types import Command, ContextT, Decision, DueTimer, StateT, Tick
from shared.settings import ServiceSettings
from shared.storage import dead_letters, inbox, outbox
from shared.storage.dead_letters import DeadLetter
from shared.storage.postgres import transaction

log = logging.getLogger(__name__)
Claim = Callable[[asyncpg.Connection], Awaitable[Sequence[StateT]]]  # finds states and locks their rows


class BreakerOpen(RedressError):
    """The breaker is open."""


@dataclass(frozen=True, slots=True)
class BatchResult:
    """What became of a batch, in numbers."""

    done: int = 0
    duplicate: int = 0
    buried: int = 0
    parked: int = 0
    skipped: int = 0

    def __add__(self, other: "BatchResult") -> "BatchResult":
        pairs = ((getattr(self, name) + getattr(other, name)) for name in self.__slots__)
        return BatchResult(*pairs)


class Runner(Generic[StateT, ContextT]):
    """One per process. Knows the service only as a `decide` and a `Store`."""

    def __init__(
        self,
        fold: ServiceSpec[StateT, ContextT],
        *,
        pool: Callable[[], asyncpg.Pool],
        settings: ServiceSettings,
        metrics: Metrics,
        committed: Callable[[], None] = lambda: None,
    ) -> None:
        self.fold = fold
        self.service = fold.service
        self.breaker = Breaker(settings.breaker_in_a_row, settings.breaker_percent)
        self._store = fold.store
        self._folder = BatchFolder(fold.service, fold.decide, settings.event_bytes_max)
        self._pool = pool
        self._settings = settings
        self._metrics = metrics
        self._committed = committed

    # ── events ────────────────────────────────────────────────────────────────────────────────────────────────────

    async def records(self, records: Sequence["ConsumerRecord[Any, Any]"]) -> BatchResult:
        """Apply one poll. Raises only what may pass by itself; Kafka then hands the same records out again."""
        if self.breaker.is_open:
            raise BreakerOpen(self.breaker.reason)
        started = perf_counter()
        batch = decode_records(records, self.service)
        outcome = BatchResult(skipped=batch.skipped)
        if batch.heard or batch.dead:
            outcome += await self._patiently(batch)
        self._report(outcome, len(batch), perf_counter() - started)
        return outcome

    async def _patiently(self, batch: DecodedBatch) -> BatchResult:
        async for attempt in patiently(self._settings.retry_seconds):
            with attempt:
                if attempt.retry_state.attempt_number > 1:
                    self._metrics.count("redress_inputs", len(batch), label="retry")
                return await self._apply(batch)
        raise Unavailable  # pragma: no cover (tenacity re-raises)

    async def _apply(self, batch: DecodedBatch) -> BatchResult:
        try:
            outcome = await self._transact(batch)
        except BreakerOpen:
            raise
        except Exception as error:
            if is_transient(error) or len(batch.heard) + len(batch.dead) == 0:
                raise
            return await self._split(batch, error)
        self.breaker.note(outcome.buried, outcome.done + outcome.duplicate)
        return outcome

    async def _split(self, batch: DecodedBatch, error: Exception) -> BatchResult:
        """PostgreSQL refused the batch as a whole: halve it until the guilty event stands alone."""
        if len(batch.heard) <= 1:
            guilty = [one.dead(sentence(error)) for one in batch.heard]
            return await self._transact(DecodedBatch(dead=[*batch.dead, *guilty]))
        middle = len(batch.heard) // 2
        first = await self._apply(DecodedBatch(heard=batch.heard[:middle], dead=batch.dead))
        return first + await self._apply(DecodedBatch(heard=batch.heard[middle:]))

    async def _transact(self, batch: DecodedBatch) -> BatchResult:
        prepared = self._store.prepare([one.event for one in batch.heard])
        async with transaction(self._pool()) as conn:
            ids = [one.event.id for one in batch.heard] + [one.event_id for one in batch.dead]
            claim = await inbox.claim(conn, ids, [one.event.subject for one in batch.heard])
            first = {one.event.id: one for one in reversed(batch.heard)}  # one event may stand in a batch twice
            heard = [one for one in batch.heard if one.event.id in claim.fresh and first[one.event.id] is one]
            dead = [one for one in batch.dead if one.event_id in claim.fresh]
            blocked = await dead_letters.blocked(conn, claim.blocked)
            waits = [one for one in heard if one.event.subject in blocked or parked_behind(one, dead)]
            ready = [one for one in heard if one not in waits] if waits else heard
            failed = await self._fold_events(conn, ready, claim.now, prepared)
            dead += [*failed, *(one.dead(WaitsForDeadLetter().detail, parked=True) for one in waits)]
            outcome = _outcome(batch, ready, dead, fresh=len(claim.fresh))
            if reason := self.breaker.would_trip(outcome.buried, outcome.done):
                self._trip(reason)
            await dead_letters.bury(conn, dead)
            await outbox.append(conn, [self._announce(one) for one in dead])
        self._committed()
        return outcome

    async def _fold_events(
        self, conn: asyncpg.Connection, heard: Sequence[ReceivedEvent], now: datetime, prepared: Any
    ) -> list[DeadLetter]:
        """Fold, save and say; returns what failed, and what came after it for the same complaint."""
        if not heard:
            return []
        context = await self._store.load_context(conn, now, prepared)
        known = await self._store.load(conn, [one.event.subject for one in heard])
        folded = self._folder.fold(known, [(one.event.subject, one.event) for one in heard], context)
        await self._write(conn, folded)
        return [
            one.dead(sentence(result), parked=isinstance(result, WaitsForDeadLetter))
            for one, result in zip(heard, folded.results, strict=True)
            if isinstance(result, Exception)
        ]

    async def _write(self, conn: asyncpg.Connection, folded: FoldResult[StateT, ContextT]) -> None:
        await self._store.save(conn, list(folded.states.values()), folded.context)
        await outbox.append(conn, folded.rows)
        self._metrics.count("redress_said", len(folded.rows))

    def _trip(self, reason: str) -> None:
        self.breaker.open(reason)
        self._metrics.count("redress_breaker_trips")
        self._metrics.gauge("redress_breaker_open", 1)
        log.error("stopped consuming: %s; look at the dead letters, correct, then close the breaker", reason)
        raise BreakerOpen(reason)

    def _announce(self, dead: DeadLetter) -> outbox.OutboxRow:
        key = dead.subject or dead.event_id
        return outbox.OutboxRow(self.service.dead_topic, key, dead.event_id, dead.notice())

    def _report(self, outcome: BatchResult, size: int, seconds: float) -> None:
        for name in BatchResult.__slots__:
            self._metrics.count("redress_inputs", getattr(outcome, name), label=name)
        self._metrics.observe("redress_batch_seconds", seconds)
        self._metrics.observe("redress_batch_size", size)

    # ── time ──────────────────────────────────────────────────────────────────────────────────────────────────────

    async def next_due(self) -> float | None:
        """Seconds until the next timer is due, by the database's clock; 0 or less: now. None: there is none."""
        async with self._pool().acquire() as conn:
            return await self._store.seconds_until_due(cast("asyncpg.Connection", conn))

    async def ticks(self, limit: int, more: Callable[[], None] = lambda: None) -> int:
        """Give a tick to up to `limit` complaints whose time has come by the database's clock. Returns how many.

        `more` is called when so many are claimed: somebody else may begin with the next. Claim, effect and outbox are
        one transaction: a timer fires once, whenever whoever dies.
        """
        return await anew(LostUpdate)(self._ticks, limit, more)

    async def _ticks(self, limit: int, more: Callable[[], None]) -> int:
        async with transaction(self._pool()) as conn:
            due = await self._store.claim_due(conn, limit)
            if not due:
                return 0
            if len(due) == limit:
                more()
            await self._tick(conn, due)
        self._committed()
        self._metrics.count("redress_inputs", len(due), label="done")
        for one in due:
            self._metrics.observe("redress_timer_late_seconds", (one.now - one.due_at).total_seconds())
        return len(due)

    async def _tick(self, conn: asyncpg.Connection, due: Sequence[DueTimer[StateT]]) -> None:
        now = due[0].now
        context = await self._store.load_context(conn, now, None)
        known = {one.state.complaint_id: one.state for one in due}
        tick = Tick(now)
        folded = self._folder.fold(known, [(subject, tick) for subject in known], context)
        await self._write(conn, folded)
        stuck = [one.state for one, result in zip(due, folded.results, strict=True) if self._is_stuck(one, result)]
        await self._store.postpone(conn, [state.complaint_id for state in stuck], now)

    def _is_stuck(self, one: DueTimer[StateT], result: Decision[StateT, ContextT] | Exception) -> bool:
        """Whether the timer would be due again at once: its tick failed, or left it where it was."""
        failure = result if isinstance(result, Exception) else None
        state = one.state if isinstance(result, Exception) else result.state or one.state
        at = self._store.due_at(state)
        if failure is None and (at is None or at > one.now):
            return False
        log.error("a timer is stuck", extra={"complaint": str(state.complaint_id)}, exc_info=failure)
        return True

    # ── commands ──────────────────────────────────────────────────────────────────────────────────────────────────

    async def commands(self, commands: Sequence[Command]) -> list[Decision[StateT, ContextT] | Exception]:
        """Apply what was asked, in one transaction. A rejected command is its own result and harms no other."""
        return await anew(LostUpdate)(self._ask, commands)

    async def _ask(self, commands: Sequence[Command]) -> list[Decision[StateT, ContextT] | Exception]:
        prepared = self._store.prepare(commands)
        async with transaction(self._pool()) as conn:
            known = await self._store.load(conn, [one.complaint_id for one in commands])
            results = await self._obey(conn, commands, known, prepared)
        self._committed()
        return results

    async def sweep(
        self, claim: Claim[StateT], ask: Callable[[ComplaintId], Command]
    ) -> list[Decision[StateT, ContextT] | Exception]:
        """Ask the same of every complaint that `claim` finds and locks, in one transaction; empty when it finds none.

        For work on many complaints: replicas that claim with `StateStore.claim` never wait for each other.
        """
        return await anew(LostUpdate)(self._sweep, claim, ask)

    async def _sweep(
        self, claim: Claim[StateT], ask: Callable[[ComplaintId], Command]
    ) -> list[Decision[StateT, ContextT] | Exception]:
        async with transaction(self._pool()) as conn:
            known = {state.complaint_id: state for state in await claim(conn)}
            if not known:
                return []
            results = await self._obey(conn, [ask(subject) for subject in known], known, None)
        self._committed()
        return results

    async def _obey(
        self, conn: asyncpg.Connection, commands: Sequence[Command], known: Mapping[ComplaintId, StateT], prepared: Any
    ) -> list[Decision[StateT, ContextT] | Exception]:
        context = await self._store.load_context(conn, await conn.fetchval("select now()"), prepared)
        folded = self._folder.fold(known, [(one.complaint_id, one) for one in commands], context)
        await self._write(conn, folded)
        return folded.results


def _outcome(
    batch: DecodedBatch, ready: Sequence[ReceivedEvent], dead: Sequence[DeadLetter], *, fresh: int
) -> BatchResult:
    parked = sum(one.parked for one in dead)
    failed = {one.event_id for one in dead}
    done = sum(one.event.id not in failed for one in ready)
    known = len(batch.heard) + len(batch.dead) - fresh
    return BatchResult(done=done, duplicate=known, buried=len(dead) - parked, parked=parked)


def sentence(error: Exception) -> str:
    """What may be stored and shown: our own words, or the kind of a foreign error, whose text may quote a person."""
    return error.detail if isinstance(error, Rejected) else f"{type(error).__module__}.{type(error).__name__}"
