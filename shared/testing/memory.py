"""In-memory runner: the same fold, inbox, outbox, parking and replay as the real runner, without PostgreSQL."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Generic
from uuid import UUID

from aiokafka import ConsumerRecord

from shared.contracts.envelope import ComplaintId
from shared.contracts.topics import Service
from shared.errors import describe_error
from shared.runner.decode import ReceivedEvent, decode_records, is_behind_dead_letter
from shared.runner.fold import BatchFolder, FoldResult, WaitsForDeadLetter
from shared.runner.replay import ReplayResult
from shared.runner.runner import BatchResult
from shared.runner.state_store import POSTPONEMENT
from shared.runner.types import Command, ContextT, Decide, Decision, Input, StateT, Tick
from shared.storage.dead_letters import DeadLetter
from shared.storage.outbox import OutboxRow


class MemoryRunner(Generic[StateT, ContextT]):
    """Runner in memory. The time is `now`, which tests set; `rows` are the published events."""

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
        self._postponed: dict[ComplaintId, tuple[int, datetime]] = {}

    async def apply_records(self, records: Sequence["ConsumerRecord[Any, Any]"]) -> BatchResult:
        """Apply the records of one poll."""
        batch = decode_records(records, self.service)
        events = [received for received in batch.events if self._is_new(received.event.id)]
        dead = [letter for letter in batch.dead if self._is_new(letter.event_id)]
        blocked = {letter.subject for letter in self.dead if letter.subject}
        duplicates = len(batch.events) + len(batch.dead) - len(events) - len(dead)
        parked = [r for r in events if r.event.subject in blocked or is_behind_dead_letter(r, dead)]
        ready = [received for received in events if received not in parked]
        results = self._fold([(received.event.subject, received.event) for received in ready]).results
        failed = [
            received.to_dead_letter(describe_error(result), parked=isinstance(result, WaitsForDeadLetter))
            for received, result in zip(ready, results, strict=True)
            if isinstance(result, Exception)
        ]
        dead += [*failed, *(r.to_dead_letter(WaitsForDeadLetter().detail, parked=True) for r in parked)]
        self.dead += dead
        buried = sum(not letter.parked for letter in dead)
        return BatchResult(len(ready) - len(failed), duplicates, buried, len(dead) - buried, batch.skipped)

    async def fire_timers(self, limit: int) -> int:
        """Send a `Tick` to up to `limit` complaints that are due at `now`, the oldest timers first."""
        timers = [(at, key) for key, state in self.states.items() if (at := self._timer_of(state)) and at <= self.now]
        due = [key for _, key in sorted(timers)[:limit]]
        folded = self._fold([(key, Tick(self.now)) for key in due])
        for key, result in zip(due, folded.results, strict=True):
            if isinstance(result, Exception):
                self._postponed[key] = (self.states[key].version, self.now + POSTPONEMENT)
        return len(due)

    def next_due_at(self, after: datetime) -> datetime | None:
        """Return the time of the first timer after this time; None if there is none."""
        timers = (self._timer_of(state) for state in self.states.values())
        return min((at for at in timers if at is not None and at > after), default=None)

    async def handle_commands(self, commands: Sequence[Command]) -> list[Decision[StateT, ContextT] | Exception]:
        """Handle commands. Return for each its decision, or the exception if it was rejected."""
        return self._fold([(command.complaint_id, command) for command in commands]).results

    async def replay(self, subject: ComplaintId) -> ReplayResult:
        """Apply the dead letters of one complaint in order, up to the first that still fails."""
        letters = [letter for letter in self.dead if letter.subject == subject]
        for number, letter in enumerate(letters):
            batch = decode_records([letter.to_record()], self.service)
            if batch.dead or (batch.events and self._apply(batch.events[0])):
                return ReplayResult(number, len(letters) - number)
            self.dead.remove(letter)
        return ReplayResult(len(letters), 0)

    def _timer_of(self, state: StateT) -> datetime | None:
        """Return the due time of a state; the postponed one if its last tick failed and it has not changed since."""
        version, until = self._postponed.get(state.complaint_id, (None, None))
        return until if version == state.version else self._due_at(state)

    def _is_new(self, event_id: UUID) -> bool:
        is_duplicate = event_id in self._inbox
        self._inbox.add(event_id)
        return not is_duplicate

    def _apply(self, received: ReceivedEvent) -> str | None:
        result = self._fold([(received.event.subject, received.event)]).results[0]
        return describe_error(result) if isinstance(result, Exception) else None

    def _fold(self, inputs: Sequence[tuple[ComplaintId, Input]]) -> FoldResult[StateT, ContextT]:
        context = self._context(self.now, self._prepare([input_ for _, input_ in inputs]))
        folded = self._folder.fold(self.states, inputs, context)
        self.states |= folded.states
        self.rows += folded.rows
        return folded
