"""Runner: applies batches of events, timers and commands. The only module that commits decisions.

A batch is one transaction: claim event ids (inbox) → load states → decide → save states → store events (outbox) →
commit. Kafka offsets are acknowledged afterwards. If the process crashes between commit and acknowledgement, Kafka
delivers the batch again and the inbox recognises every event of it.
"""

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from time import perf_counter
from typing import Any, Generic, cast

import asyncpg
from aiokafka import ConsumerRecord

from shared.contracts.envelope import ComplaintId
from shared.errors import LostUpdate, RedressError, Unavailable, describe_error
from shared.ops.metrics import Metrics
from shared.retry import is_transient, retry_on, retry_transient
from shared.runner.breaker import Breaker
from shared.runner.decode import DecodedBatch, ReceivedEvent, decode_records, is_behind_dead_letter
from shared.runner.fold import BatchFolder, FoldResult, WaitsForDeadLetter
from shared.runner.spec import ServiceSpec
from shared.runner.types import Command, ContextT, Decision, DueTimer, StateT, Tick
from shared.settings import ServiceSettings
from shared.storage import dead_letters, inbox, outbox
from shared.storage.dead_letters import DeadLetter
from shared.storage.postgres import transaction

log = logging.getLogger(__name__)
ClaimStates = Callable[[asyncpg.Connection], Awaitable[Sequence[StateT]]]  # selects states and locks their rows


class BreakerOpen(RedressError):
    """The circuit breaker is open."""


@dataclass(frozen=True, slots=True)
class BatchResult:
    """Number of records of a batch by outcome."""

    done: int = 0
    duplicate: int = 0
    buried: int = 0
    parked: int = 0
    skipped: int = 0

    def __add__(self, other: "BatchResult") -> "BatchResult":
        sums = ((getattr(self, name) + getattr(other, name)) for name in self.__slots__)
        return BatchResult(*sums)


class Runner(Generic[StateT, ContextT]):
    """Runner of one service, one per process. `on_commit` is called after each of its commits."""

    def __init__(
        self,
        spec: ServiceSpec[StateT, ContextT],
        *,
        pool: Callable[[], asyncpg.Pool],
        settings: ServiceSettings,
        metrics: Metrics,
        on_commit: Callable[[], None] = lambda: None,
    ) -> None:
        self.spec = spec
        self.breaker = Breaker(settings.breaker_in_a_row, settings.breaker_percent)
        self._store = spec.store
        self._folder = BatchFolder(spec.service, spec.decide, settings.event_bytes_max)
        self._pool = pool
        self._settings = settings
        self._metrics = metrics
        self._on_commit = on_commit

    # ── events ────────────────────────────────────────────────────────────────────────────────────────────────────

    async def apply_records(self, records: Sequence["ConsumerRecord[Any, Any]"]) -> BatchResult:
        """Apply the records of one poll.

        Raises `BreakerOpen`, or a transient error after `retry_seconds` of retries; Kafka then delivers the same
        records again.
        """
        if self.breaker.is_open:
            raise BreakerOpen(self.breaker.reason)
        started = perf_counter()
        batch = decode_records(records, self.spec.service)
        result = BatchResult(skipped=batch.skipped)
        if batch.events or batch.dead:
            result += await self._apply_with_retries(batch)
        self._report(result, len(batch), perf_counter() - started)
        return result

    async def _apply_with_retries(self, batch: DecodedBatch) -> BatchResult:
        async for attempt in retry_transient(self._settings.retry_seconds):
            with attempt:
                if attempt.retry_state.attempt_number > 1:
                    self._metrics.count("redress_inputs", len(batch), label="retry")
                return await self._apply_or_bisect(batch)
        raise Unavailable  # pragma: no cover (tenacity re-raises)

    async def _apply_or_bisect(self, batch: DecodedBatch) -> BatchResult:
        try:
            result = await self._apply(batch)
        except BreakerOpen:
            raise
        except Exception as error:
            if is_transient(error) or len(batch.events) + len(batch.dead) == 0:
                raise
            return await self._bisect(batch, error)
        self.breaker.record(result.buried, result.done + result.duplicate)
        return result

    async def _bisect(self, batch: DecodedBatch, error: Exception) -> BatchResult:
        """Halve a batch that PostgreSQL has rejected, until the failing event is alone and becomes a dead letter.

        An exception of `decide` does not lead here: it concerns one input and is handled in the fold. But a statement
        for the whole batch does not report which of its rows is invalid (for example a text with a NUL character). A
        savepoint for each event would report it, and was measured ten times slower for every batch. Halving costs
        nothing unless a batch fails, then log2(n) transactions. The halves are applied in order, so events of one
        complaint keep their order, and those behind the dead letter are parked.
        """
        if len(batch.events) <= 1:
            failed = [received.to_dead_letter(describe_error(error)) for received in batch.events]
            return await self._apply(DecodedBatch(dead=[*batch.dead, *failed]))
        middle = len(batch.events) // 2
        first = await self._apply_or_bisect(DecodedBatch(events=batch.events[:middle], dead=batch.dead))
        return first + await self._apply_or_bisect(DecodedBatch(events=batch.events[middle:]))

    async def _apply(self, batch: DecodedBatch) -> BatchResult:
        """Apply the batch in one transaction.

        Events of a complaint are applied in their order or not at all. If one of them cannot be applied, it is buried
        (a dead letter), and later ones of the same complaint are parked: they become dead letters too, although nothing
        is wrong with them. A replay applies all of them in order (see `Replay`).
        """
        prepared = self._store.prepare([received.event for received in batch.events])
        async with transaction(self._pool()) as conn:
            ids = [received.event.id for received in batch.events] + [letter.event_id for letter in batch.dead]
            claim = await inbox.claim(conn, ids, [received.event.subject for received in batch.events])
            first = {received.event.id: received for received in reversed(batch.events)}  # an id may occur twice
            events = [r for r in batch.events if r.event.id in claim.new and first[r.event.id] is r]
            dead = [letter for letter in batch.dead if letter.event_id in claim.new]
            blocked = await dead_letters.lock_blocked(conn, claim.blocked)
            parked = [r for r in events if r.event.subject in blocked or is_behind_dead_letter(r, dead)]
            ready = [received for received in events if received not in parked] if parked else events
            failed = await self._fold_events(conn, ready, claim.now, prepared)
            dead += [*failed, *(r.to_dead_letter(WaitsForDeadLetter().detail, parked=True) for r in parked)]
            result = _count(batch, ready, dead, new=len(claim.new))
            if reason := self.breaker.would_trip(result.buried, result.done):
                self._trip(reason, next(letter for letter in dead if not letter.parked))
            await dead_letters.bury(conn, dead)
            await outbox.append(conn, [self._make_announcement(letter) for letter in dead])
        self._on_commit()
        return result

    async def _fold_events(
        self, conn: asyncpg.Connection, events: Sequence[ReceivedEvent], now: datetime, prepared: Any
    ) -> list[DeadLetter]:
        """Fold and save the events. Return dead letters for those that failed and for later ones behind them."""
        if not events:
            return []
        context = await self._store.load_context(conn, now, prepared)
        states = await self._store.load(conn, [received.event.subject for received in events])
        folded = self._folder.fold(states, [(received.event.subject, received.event) for received in events], context)
        await self._write(conn, folded)
        return [
            received.to_dead_letter(describe_error(result), parked=isinstance(result, WaitsForDeadLetter))
            for received, result in zip(events, folded.results, strict=True)
            if isinstance(result, Exception)
        ]

    async def _write(self, conn: asyncpg.Connection, folded: FoldResult[StateT, ContextT]) -> None:
        await self._store.save(conn, list(folded.states.values()), folded.context)
        await outbox.append(conn, folded.rows)
        self._metrics.count("redress_said", len(folded.rows))

    def _trip(self, reason: str, first: DeadLetter) -> None:
        detail = (
            f"stopped consuming: {reason}; first error: {first.error}, at {first.place}. The batch was rolled back and "
            "is not in the dead letters. Correct the cause, then restart or DELETE /admin/breaker."
        )
        self.breaker.open(detail)
        self._metrics.count("redress_breaker_trips")
        self._metrics.gauge("redress_breaker_open", 1)
        log.error("%s", detail)
        raise BreakerOpen(detail)

    def _make_announcement(self, letter: DeadLetter) -> outbox.OutboxRow:
        key = letter.subject or letter.event_id
        return outbox.OutboxRow(self.spec.service.dead_topic, key, letter.event_id, letter.announcement)

    def _report(self, result: BatchResult, size: int, seconds: float) -> None:
        for name in BatchResult.__slots__:
            self._metrics.count("redress_inputs", getattr(result, name), label=name)
        self._metrics.observe("redress_batch_seconds", seconds)
        self._metrics.observe("redress_batch_size", size)

    # ── timers ────────────────────────────────────────────────────────────────────────────────────────────────────

    async def seconds_until_due(self) -> float | None:
        """Return the seconds until the earliest timer, 0 or less if it is due now; None if there is no timer."""
        async with self._pool().acquire() as conn:
            return await self._store.seconds_until_due(cast("asyncpg.Connection", conn))

    async def fire_timers(self, limit: int, on_full_batch: Callable[[], None] = lambda: None) -> int:
        """Send a `Tick` to up to `limit` complaints whose timer is due, and return how many there were.

        Claim, state and outbox are one transaction: if the process crashes before the commit, another one claims the
        timer, and after the commit it is no longer due. A timer therefore fires exactly once. Calls `on_full_batch`
        when `limit` timers are claimed, so that another batch can begin.
        """
        return await retry_on(LostUpdate)(self._fire_timers, limit, on_full_batch)

    async def _fire_timers(self, limit: int, on_full_batch: Callable[[], None]) -> int:
        async with transaction(self._pool()) as conn:
            timers = await self._store.claim_due(conn, limit)
            if not timers:
                return 0
            if len(timers) == limit:
                on_full_batch()
            await self._tick(conn, timers)
        self._on_commit()
        self._metrics.count("redress_inputs", len(timers), label="done")
        for timer in timers:
            self._metrics.observe("redress_timer_late_seconds", (timer.now - timer.due_at).total_seconds())
        return len(timers)

    async def _tick(self, conn: asyncpg.Connection, timers: Sequence[DueTimer[StateT]]) -> None:
        now = timers[0].now
        context = await self._store.load_context(conn, now, None)
        states = {timer.state.complaint_id: timer.state for timer in timers}
        tick = Tick(now)
        folded = self._folder.fold(states, [(subject, tick) for subject in states], context)
        await self._write(conn, folded)
        results = zip(timers, folded.results, strict=True)
        stuck = [timer.state.complaint_id for timer, result in results if self._is_stuck(timer, result)]
        await self._store.postpone(conn, stuck, now)

    def _is_stuck(self, timer: DueTimer[StateT], result: Decision[StateT, ContextT] | Exception) -> bool:
        """Return True if the timer would be due again at once, because its tick failed or did not move it."""
        failure = result if isinstance(result, Exception) else None
        state = timer.state if isinstance(result, Exception) else result.state or timer.state
        due_at = self._store.due_at(state)
        if failure is None and (due_at is None or due_at > timer.now):
            return False
        log.error("a timer is stuck", extra={"complaint": str(state.complaint_id)}, exc_info=failure)
        return True

    # ── commands ──────────────────────────────────────────────────────────────────────────────────────────────────

    async def handle_commands(self, commands: Sequence[Command]) -> list[Decision[StateT, ContextT] | Exception]:
        """Handle commands in one transaction. Return for each its decision, or the exception if it was rejected."""
        return await retry_on(LostUpdate)(self._load_and_handle, commands)

    async def _load_and_handle(self, commands: Sequence[Command]) -> list[Decision[StateT, ContextT] | Exception]:
        prepared = self._store.prepare(commands)
        async with transaction(self._pool()) as conn:
            states = await self._store.load(conn, [command.complaint_id for command in commands])
            results = await self._handle(conn, commands, states, prepared)
        self._on_commit()
        return results

    async def handle_claimed(
        self, claim: ClaimStates[StateT], make_command: Callable[[ComplaintId], Command]
    ) -> list[Decision[StateT, ContextT] | Exception]:
        """Handle one command for each complaint that `claim` selects, in one transaction; empty if it selects none.

        For work on many complaints: replicas that claim with `StateStore.claim` never wait for each other.
        """
        return await retry_on(LostUpdate)(self._claim_and_handle, claim, make_command)

    async def _claim_and_handle(
        self, claim: ClaimStates[StateT], make_command: Callable[[ComplaintId], Command]
    ) -> list[Decision[StateT, ContextT] | Exception]:
        async with transaction(self._pool()) as conn:
            states = {state.complaint_id: state for state in await claim(conn)}
            if not states:
                return []
            results = await self._handle(conn, [make_command(subject) for subject in states], states, None)
        self._on_commit()
        return results

    async def _handle(
        self, conn: asyncpg.Connection, commands: Sequence[Command], states: Mapping[ComplaintId, StateT], prepared: Any
    ) -> list[Decision[StateT, ContextT] | Exception]:
        context = await self._store.load_context(conn, await conn.fetchval("select now()"), prepared)
        folded = self._folder.fold(states, [(command.complaint_id, command) for command in commands], context)
        await self._write(conn, folded)
        return folded.results


def _count(batch: DecodedBatch, ready: Sequence[ReceivedEvent], dead: Sequence[DeadLetter], *, new: int) -> BatchResult:
    parked = sum(letter.parked for letter in dead)
    failed = {letter.event_id for letter in dead}
    done = sum(received.event.id not in failed for received in ready)
    duplicate = len(batch.events) + len(batch.dead) - new
    return BatchResult(done=done, duplicate=duplicate, buried=len(dead) - parked, parked=parked)
