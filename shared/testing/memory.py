"""A runner without PostgreSQL: the same folding, inbox, outbox, parking and replay, in memory and at once."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Generic
from uuid import UUID

from aiokafka import ConsumerRecord

from shared.contracts.envelope import ComplaintId
from shared.contracts.topics import Service
from shared.runner.decode import ReceivedEvent, decode_records, parked_behind
from shared.runner.fold import BatchFolder, FoldResult, WaitsForDeadLetter
from shared.runner.replay import ReplayResult
from shared.runner.runner import BatchResult, sentence
from shared.runner.state_store import POSTPONEMENT
from shared.runner.types import Command, ContextT, Decide, Decision, Input, StateT, Tick
from shared.storage.dead_letters import DeadLetter
from shared.storage.outbox import OutboxRow


class MemoryRunner(Generic[StateT, ContextT]):
    """Time stands still until `now` is moved; `rows` is what would be on Kafka."""

    def __init__(
        self,
        service: Service,
        decide: Decide[StateT, ContextT],
        *,
        context: Callable[[datetime, Any], ContextT],
        prepare: Callable[[Sequence[Input]], Any] = lambda _: None,
        due_at: Callable[[StateT], datetime | None] = lambda state: getattr(state, "due_at", None),
    ) -> None:
        self.service = service
        self.now = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
        self.states: dict[ComplaintId, StateT] = {}
        self.rows: list[OutboxRow] = []
        self.dead: list[DeadLetter] = []
        self._folder = BatchFolder(service, decide, 900_000)
        self._context = context
        self._prepare = prepare
        self._due_at = due_at
        self._inbox: set[UUID] = set()
        self._put_off: dict[ComplaintId, tuple[int, datetime]] = {}

    async def records(self, records: Sequence["ConsumerRecord[Any, Any]"]) -> BatchResult:
        """Apply one poll."""
        batch = decode_records(records, self.service)
        fresh = [one for one in batch.heard if self._is_new(one.event.id)]
        dead = [one for one in batch.dead if self._is_new(one.event_id)]
        blocked = {one.subject for one in self.dead if one.subject}
        duplicates = len(batch.heard) + len(batch.dead) - len(fresh) - len(dead)
        waits = [one for one in fresh if one.event.subject in blocked or parked_behind(one, dead)]
        ready = [one for one in fresh if one not in waits]
        results = self._fold([(one.event.subject, one.event) for one in ready]).results
        failed = [
            one.dead(sentence(result), parked=isinstance(result, WaitsForDeadLetter))
            for one, result in zip(ready, results, strict=True)
            if isinstance(result, Exception)
        ]
        dead += [*failed, *(one.dead(WaitsForDeadLetter().detail, parked=True) for one in waits)]
        self.dead += dead
        buried = sum(not one.parked for one in dead)
        return BatchResult(len(ready) - len(failed), duplicates, buried, len(dead) - buried, batch.skipped)

    async def ticks(self, limit: int) -> int:
        """Give a tick to what is due at `now`, the longest waiting first."""
        waiting = [(at, key) for key, state in self.states.items() if (at := self._due(state)) and at <= self.now]
        due = [key for _, key in sorted(waiting)[:limit]]
        folded = self._fold([(key, Tick(self.now)) for key in due])
        for key, result in zip(due, folded.results, strict=True):
            if isinstance(result, Exception):
                self._put_off[key] = (self.states[key].version, self.now + POSTPONEMENT)
        return len(due)

    def next_due(self, after: datetime) -> datetime | None:
        """The first moment after that at which a complaint is due; None when there is none."""
        moments = (self._due(state) for state in self.states.values())
        return min((at for at in moments if at is not None and at > after), default=None)

    async def commands(self, commands: Sequence[Command]) -> list[Decision[StateT, ContextT] | Exception]:
        """Apply what was asked."""
        return self._fold([(one.complaint_id, one) for one in commands]).results

    async def replay(self, subject: ComplaintId) -> ReplayResult:
        """Apply one complaint's dead letters again, in order, up to the first that still fails."""
        letters = [one for one in self.dead if one.subject == subject]
        for number, letter in enumerate(letters):
            batch = decode_records([letter.record()], self.service)
            if batch.dead or (batch.heard and self._apply(batch.heard[0])):
                return ReplayResult(number, len(letters) - number)
            self.dead.remove(letter)
        return ReplayResult(len(letters), 0)

    def _due(self, state: StateT) -> datetime | None:
        """When its time comes; later while its last tick failed and nothing else has changed it since."""
        version, until = self._put_off.get(state.complaint_id, (None, None))
        return until if version == state.version else self._due_at(state)

    def _is_new(self, event_id: UUID) -> bool:
        known = event_id in self._inbox
        self._inbox.add(event_id)
        return not known

    def _apply(self, one: ReceivedEvent) -> str | None:
        result = self._fold([(one.event.subject, one.event)]).results[0]
        return sentence(result) if isinstance(result, Exception) else None

    def _fold(self, given: Sequence[tuple[ComplaintId, Input]]) -> FoldResult[StateT, ContextT]:
        context = self._context(self.now, self._prepare([one for _, one in given]))
        folded = self._folder.fold(self.states, given, context)
        self.states |= folded.states
        self.rows += folded.rows
        return folded
