"""`redress sla check`: reads every event from the beginning, folds it anew, and compares with what is stored.

What sla itself said is read as well: from its topic, and from its outbox where the relay has not come to it yet.
"""

from collections.abc import AsyncIterator, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import asyncpg
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from deploy.cli import output
from deploy.cli.topics import describe_topics
from services.sla.audit.compare import FACTS, columns, differences, refold
from services.sla.audit.published import Difference
from services.sla.domain import SlaState
from services.sla.policies import Rulebook, read_file
from services.sla.store.rulebooks import RulebookRepository
from services.sla.store.states import PROMOTED, promoted
from shared.contracts import read
from shared.contracts.envelope import ComplaintId, Event, EventId
from shared.contracts.registry import InvalidEvent
from shared.contracts.topics import SLA
from shared.errors import Unavailable
from shared.messaging import kafka
from shared.runner.decode import decode_records
from shared.settings import ServiceSettings, load_settings
from shared.storage import postgres

GROUP = f"redress-{SLA.name}"
TOPICS = tuple(source.topic for source in SLA.sources)
TURNS = 5  # what the service writes while we look is looked at again, so often
CHUNK = 500  # rows compared in one go
READ_MS = 1000
READ_MAX = 2000
# What is stored, and its columns, of some complaints.
ROWS = f"select complaint_id, state, version, {', '.join(PROMOTED)} from complaint where complaint_id = any($1)"  # noqa: S608
# Events that were laid aside and never applied.
ASIDE = "select event_id from dead_letter where status <> 'replayed'"
COUNT = "select count(*) from complaint"
# What was said of some complaints and may not be on the topic yet.
WAITING = "select value from outbox where key = any($1)"
Aside = Collection[UUID]


@dataclass(slots=True)
class AuditReport:
    """What a check found: complaints heard of, `found` stored; of the `unread` ones no topic says anything.

    `cut` are topics whose first events are gone; the `short` complaints could only be compared with what is left.
    """

    complaints: int = 0
    events: int = 0
    found: int = 0
    differing: dict[ComplaintId, list[Difference]] = field(default_factory=dict)
    unread: int = 0
    cut: set[str] = field(default_factory=set)
    short: set[ComplaintId] = field(default_factory=set)

    @property
    def is_well(self) -> bool:
        """Whether all that is stored is what the events say, as far as there still are events."""
        return not self.differing and (not self.unread or bool(self.cut))


async def check(bootstrap: str, dsn: str) -> AuditReport:
    """Compare all. Raises `Unavailable` where Kafka or PostgreSQL does not answer."""
    settings = load_settings(ServiceSettings, kafka=bootstrap, postgres=dsn)
    consumer, admin = kafka.reader(settings), kafka.admin(settings)
    try:
        pool = await postgres.connect(settings, "check")
        try:
            await consumer.start()
            await admin.start()
            return await _checked(consumer, admin, pool, bootstrap)
        finally:
            await admin.close()
            await consumer.stop()
            await pool.close()
    except (KafkaError, OSError, TimeoutError, asyncpg.PostgresError) as error:
        raise Unavailable(f"The check could not go on ({type(error).__name__}).") from None


async def _checked(
    consumer: AIOKafkaConsumer, admin: AIOKafkaAdminClient, pool: asyncpg.Pool, bootstrap: str
) -> AuditReport:
    numbers = range(
        max((found.partitions for found in await describe_topics(bootstrap) if found.name in TOPICS), default=0)
    )
    async with postgres.transaction(pool) as conn:
        rulebook = await RulebookRepository(read_file(None), _today).refresh(conn)
    aside = frozenset(row[0] for row in await pool.fetch(ASIDE))
    stored = await pool.fetchval(COUNT)  # before reading: what comes in meanwhile is none of those
    checker = Auditor(InputTopics(consumer, admin, aside), pool, rulebook)
    with output.progress_bar(total_known=True) as progress:
        for number in progress.track(numbers, description="checking"):
            await checker.partition(number)
    report = checker.report
    report.unread = max(0, stored - report.found)
    return report


def _today() -> date:
    return datetime.now(UTC).date()


class InputTopics:
    """All that sla has heard, from the beginning to where it stands, and said; what was laid aside is left out."""

    def __init__(self, consumer: AIOKafkaConsumer, admin: AIOKafkaAdminClient, aside: Aside) -> None:
        self._consumer = consumer
        self._admin = admin
        self._aside = aside

    async def begin(self, number: int) -> set[str]:
        """Read the partitions of that number from now on: all that is said of one complaint stands in them.

        Returns the topics that no longer go back to their beginning there.
        """
        chosen = [TopicPartition(topic, number) for topic in (*TOPICS, SLA.topic)]
        self._consumer.assign(chosen)
        starts = await self._consumer.beginning_offsets(chosen)
        return {one.topic for one, offset in starts.items() if offset > 0}

    async def rest(self) -> AsyncIterator[Event[Any]]:
        """From where the last call ended to where the service stands now."""
        ends = await self._ends()
        while [one for one, end in ends.items() if await self._consumer.position(one) < end]:
            found = await self._consumer.getmany(timeout_ms=READ_MS, max_records=READ_MAX)
            for place, records in found.items():
                if place.topic == SLA.topic:
                    for record in records:
                        if event := _said(record.value):
                            yield event
                    continue
                for heard in decode_records(records, SLA).events:
                    if heard.event.id not in self._aside:
                        yield heard.event

    async def _ends(self) -> dict[TopicPartition, int]:
        stands = await self._admin.list_consumer_group_offsets(GROUP)
        ends = {one: stands[one].offset if one in stands else 0 for one in self._consumer.assignment()}
        own: dict[TopicPartition, int] = await self._consumer.end_offsets(
            [one for one in ends if one.topic == SLA.topic]
        )
        return ends | own


def _said(value: bytes | None) -> Event[Any] | None:
    """An event of sla's own; what cannot be read was not said by us."""
    try:
        event = read(value or b"")
    except InvalidEvent:
        return None
    return event if event.source == SLA.source else None


class PartitionLog:
    """What was heard and said of the complaints of one partition."""

    def __init__(self, cut: Collection[str]) -> None:
        self.heard: dict[ComplaintId, SlaState] = {}
        self.is_short = bool(set(cut) & set(TOPICS))
        self._said: dict[ComplaintId, dict[EventId, Event[Any]]] = {}
        self._is_cut = SLA.topic in cut

    def add(self, event: Event[Any]) -> bool:
        """Whether it was news to sla, not its own word."""
        if event.source == SLA.source:
            self._said.setdefault(event.subject, {})[event.id] = event
            return False
        self.heard[event.subject] = refold(self.heard.get(event.subject), event.subject, [event])
        return True

    def is_whole(self, one: ComplaintId) -> bool:
        """Whether sla's first word of it is still there, if there was any."""
        return not self._is_cut or any(event.sequence == 1 for event in self._said.get(one, {}).values())

    def differing(self, one: ComplaintId, row: Any, rulebook: Rulebook) -> Iterator[Difference]:
        """What its row has otherwise than its events."""
        heard = self.heard[one]
        if row is None:
            if heard != SlaState(complaint_id=one):
                yield Difference("complaint", "not there", "heard of")
            return
        try:
            stored = SlaState.model_validate_json(row["state"])
        except ValueError:
            yield Difference("state", "what cannot be read", "a complaint")
            return
        said = [event.facts for event in self._said.get(one, {}).values()]
        wrong = list(differences(stored, heard, rulebook, said, whole=self.is_whole(one)))
        yield from wrong
        if not wrong:  # else the columns would be held against a state that is wrong itself
            yield from columns(stored, dict(row), dict(zip(PROMOTED, promoted(stored), strict=True)))


class Auditor:
    """Goes through the partitions one by one. What is written while it looks is looked at again."""

    def __init__(self, topics: InputTopics, pool: asyncpg.Pool, rulebook: Rulebook) -> None:
        self.report = AuditReport()
        self._topics = topics
        self._pool = pool
        self._rulebook = rulebook

    async def partition(self, number: int) -> None:
        """Every complaint of the partitions of that number."""
        report, seen = self.report, set[ComplaintId]()  # rows are looked at more than once
        cut = await self._topics.begin(number)
        report.cut |= cut
        log = PartitionLog(cut)
        differing: dict[ComplaintId, list[Difference]] = {}
        for turn in range(TURNS):
            async for event in self._topics.rest():
                report.events += log.add(event)
            differing = await self._compare([*differing] if turn else [*log.heard], log, seen)
            if not differing:
                break
        report.complaints += sum(one.receipt is not None or bool(one.moments) for one in log.heard.values())
        report.found += len(seen)
        self._note(differing, log)

    def _note(self, differing: dict[ComplaintId, list[Difference]], log: PartitionLog) -> None:
        """Facts that are stored and of which no event is left are no difference where events were thrown away."""
        report = self.report
        report.short.update(one for one in log.heard if not log.is_whole(one))
        for one, found in differing.items():
            if log.is_short and found[0].what in FACTS:
                report.short.add(one)
            else:
                report.differing[one] = found

    async def _compare(
        self, ids: Sequence[ComplaintId], log: PartitionLog, seen: set[ComplaintId]
    ) -> dict[ComplaintId, list[Difference]]:
        found: dict[ComplaintId, list[Difference]] = {}
        for start in range(0, len(ids), CHUNK):
            chunk = ids[start : start + CHUNK]
            rows = {row["complaint_id"]: row for row in await self._pool.fetch(ROWS, chunk)}
            seen.update(rows)
            if doubtful := [*self._differing(chunk, rows, log)]:
                for row in await self._pool.fetch(WAITING, doubtful):
                    if event := _said(row[0]):
                        log.add(event)
                found |= self._differing(doubtful, rows, log)
        return found

    def _differing(
        self, ids: Sequence[ComplaintId], rows: Any, log: PartitionLog
    ) -> dict[ComplaintId, list[Difference]]:
        wrong = {one: list(log.differing(one, rows.get(one), self._rulebook)) for one in ids}
        return {one: found for one, found in wrong.items() if found}
