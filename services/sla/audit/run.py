"""Audit all complaints: read every event from the beginning and compare what it gives with what is stored.

Events of one complaint have the same partition number in every topic. So the audit goes partition by partition: it
reads the input topics up to the offsets that the service has committed, and sla's own topic to its end. Then it
compares each complaint (see `compare`). Events that the relay has not published yet are taken from the outbox.

The service goes on meanwhile, so a row may be newer than the events read before it. What differs is therefore read and
compared again, a few times: a difference that events still to be read explain disappears, a real one stays.
"""

from collections.abc import AsyncIterator, Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import asyncpg

from services.sla.audit.compare import FACTS, compare_columns, compare_states, rebuild
from services.sla.audit.published import MISSING, Difference
from services.sla.domain import SlaState
from services.sla.policies import Rulebook, read_file
from services.sla.store.audit import count_rows, select_outbox, select_rows, select_unapplied
from services.sla.store.rulebooks import RulebookRepository
from services.sla.store.states import PROMOTED, promoted
from shared.contracts import read
from shared.contracts.envelope import ComplaintId, Event, EventId
from shared.contracts.registry import InvalidEvent
from shared.contracts.topics import SLA
from shared.messaging.reader import TopicReader
from shared.runner.decode import decode_records
from shared.storage.postgres import transaction

GROUP = f"redress-{SLA.name}"
INPUT_TOPICS = tuple(source.topic for source in SLA.sources)
ROUNDS = 5  # comparisons of a complaint that differs
CHUNK = 500  # rows compared at once
Progress = Callable[[int, int], None]  # partitions done, and all
Differences = dict[ComplaintId, list[Difference]]


@dataclass(slots=True)
class AuditReport:
    """Result of an audit. Of the complaints in the topics, `stored` are in the database; `unread` rows are in no topic.

    `cut`: topics whose first events are deleted; the `short` complaints could only be compared with what is left.
    """

    complaints: int = 0
    events: int = 0
    stored: int = 0
    differing: Differences = field(default_factory=dict)
    unread: int = 0
    cut: set[str] = field(default_factory=set)
    short: set[ComplaintId] = field(default_factory=set)

    @property
    def is_well(self) -> bool:
        """True if everything stored agrees with the events, as far as there still are events."""
        return not self.differing and (not self.unread or bool(self.cut))


async def audit(reader: TopicReader, pool: asyncpg.Pool, progress: Progress | None = None) -> AuditReport:
    """Audit all complaints; `progress` is called after each partition."""
    counts = await reader.partition_counts(INPUT_TOPICS)
    total = max(counts.values(), default=0)
    async with transaction(pool) as conn:
        rulebook = await RulebookRepository(read_file(None)).refresh(conn)
    stored = await count_rows(pool)  # before reading: a complaint that is new since then is not among these rows
    auditor = Auditor(reader, pool, rulebook, await select_unapplied(pool))
    for number in range(total):
        await auditor.audit_partition(number)
        if progress:
            progress(number + 1, total)
    report = auditor.report
    report.unread = max(0, stored - report.stored)
    return report


def _own_event(value: bytes | None) -> Event[Any] | None:
    """Return an event of sla; None for a record that sla cannot have written."""
    try:
        event = read(value or b"")
    except InvalidEvent:
        return None
    return event if event.source == SLA.source else None


class PartitionLog:
    """Events of one partition number: input events as rebuilt states, and the events that sla published."""

    def __init__(self, cut: Collection[str]) -> None:
        self.rebuilt: dict[ComplaintId, SlaState] = {}
        self.is_input_cut = bool(set(cut) & set(INPUT_TOPICS))
        self._published: dict[ComplaintId, dict[EventId, Event[Any]]] = {}
        self._is_cut = SLA.topic in cut

    def add(self, event: Event[Any]) -> bool:
        """Add an event. Return True if it is an input of sla, not its own."""
        if event.source == SLA.source:
            self._published.setdefault(event.subject, {})[event.id] = event
            return False
        self.rebuilt[event.subject] = rebuild(self.rebuilt.get(event.subject), event.subject, [event])
        return True

    def is_complete(self, complaint: ComplaintId) -> bool:
        """Return True if the first event that sla published about it is not deleted."""
        return not self._is_cut or any(event.sequence == 1 for event in self._published.get(complaint, {}).values())

    def differences(self, complaint: ComplaintId, row: Any, rulebook: Rulebook) -> Iterator[Difference]:
        """Yield the differences between a row and the events of its complaint."""
        rebuilt = self.rebuilt[complaint]
        if row is None:
            if rebuilt != SlaState(complaint_id=complaint):
                yield Difference("complaint", MISSING, "received")
            return
        try:
            stored = SlaState.model_validate_json(row["state"])
        except ValueError:
            yield Difference("state", "unreadable", "a complaint")
            return
        published = [event.facts for event in self._published.get(complaint, {}).values()]
        complete = self.is_complete(complaint)
        differing = list(compare_states(stored, rebuilt, rulebook, published, complete=complete))
        yield from differing
        if not differing:  # otherwise the columns would be compared with a state that is wrong itself
            yield from compare_columns(stored, dict(row), dict(zip(PROMOTED, promoted(stored), strict=True)))


class Auditor:
    """Audit of one partition number after the other. `unapplied`: ids of the dead letters, which are left out."""

    def __init__(
        self, reader: TopicReader, pool: asyncpg.Pool, rulebook: Rulebook, unapplied: Collection[UUID]
    ) -> None:
        self.report = AuditReport()
        self._reader, self._pool = reader, pool
        self._rulebook, self._unapplied = rulebook, unapplied

    async def audit_partition(self, number: int) -> None:
        """Compare every complaint of this partition number, those that differ up to `ROUNDS` times."""
        report, stored = self.report, set[ComplaintId]()
        firsts = await self._reader.assign((*INPUT_TOPICS, SLA.topic), number)
        cut = {topic for topic, offset in firsts.items() if offset > 0}
        report.cut |= cut
        log = PartitionLog(cut)
        differing: Differences = {}
        for turn in range(ROUNDS):
            async for event in self._new_events():
                report.events += log.add(event)
            differing = await self._compare([*differing] if turn else [*log.rebuilt], log, stored)
            if not differing:
                break
        report.complaints += sum(state.receipt is not None or bool(state.moments) for state in log.rebuilt.values())
        report.stored += len(stored)
        self._report(differing, log)

    async def _new_events(self) -> AsyncIterator[Event[Any]]:
        """Yield the events since the last call, up to what the service has committed by now."""
        ends = await self._reader.committed_offsets(GROUP) | {SLA.topic: await self._reader.end_offset(SLA.topic)}
        async for topic, records in self._reader.batches(ends):
            if topic == SLA.topic:
                for record in records:
                    if event := _own_event(record.value):
                        yield event
                continue
            for received in decode_records(records, SLA).events:
                if received.event.id not in self._unapplied:
                    yield received.event

    def _report(self, differing: Differences, log: PartitionLog) -> None:
        """Report the differences, except stored facts whose events are deleted."""
        report = self.report
        report.short.update(complaint for complaint in log.rebuilt if not log.is_complete(complaint))
        for complaint, differences in differing.items():
            if log.is_input_cut and differences[0].what in FACTS:
                report.short.add(complaint)
            else:
                report.differing[complaint] = differences

    async def _compare(
        self, complaints: Sequence[ComplaintId], log: PartitionLog, stored: set[ComplaintId]
    ) -> Differences:
        differing: Differences = {}
        for start in range(0, len(complaints), CHUNK):
            chunk = complaints[start : start + CHUNK]
            rows = await select_rows(self._pool, chunk)
            stored.update(rows)
            if suspects := [*self._differing(chunk, rows, log)]:
                for value in await select_outbox(self._pool, suspects):
                    if event := _own_event(value):
                        log.add(event)
                differing |= self._differing(suspects, rows, log)
        return differing

    def _differing(self, complaints: Sequence[ComplaintId], rows: Any, log: PartitionLog) -> Differences:
        differences = {
            complaint: list(log.differences(complaint, rows.get(complaint), self._rulebook)) for complaint in complaints
        }
        return {complaint: listed for complaint, listed in differences.items() if listed}
