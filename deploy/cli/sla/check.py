"""`redress sla check`: reads every event from the beginning, folds it anew, and compares with what is stored."""

from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import asyncpg
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from deploy.cli import screen
from deploy.cli.topics import look
from services.sla.check import Difference, columns, differences, refold
from services.sla.domain import Complaint
from services.sla.policies import Rulebook, read_file
from services.sla.shelf import Shelf
from services.sla.store import PROMOTED, promoted
from shared import kafka, postgres
from shared.contracts.envelope import ComplaintId, Event
from shared.contracts.topics import SLA
from shared.errors import Unavailable
from shared.runner.reading import sort_out
from shared.settings import ServiceSettings, load_settings

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


@dataclass(slots=True)
class Report:
    """What a check found: complaints heard of, `found` stored; of the `unread` ones no topic says anything."""

    complaints: int = 0
    events: int = 0
    found: int = 0
    differing: dict[ComplaintId, list[Difference]] = field(default_factory=dict)
    unread: int = 0

    @property
    def is_well(self) -> bool:
        """Whether all that is stored is what the events say."""
        return not self.differing and not self.unread


async def check(bootstrap: str, dsn: str) -> Report:
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
) -> Report:
    numbers = range(max((found.partitions for found in await look(bootstrap) if found.name in TOPICS), default=0))
    async with postgres.transaction(pool) as conn:
        rulebook = await Shelf(read_file(None), _today).refresh(conn)
    aside = frozenset(row[0] for row in await pool.fetch(ASIDE))
    stored = await pool.fetchval(COUNT)  # before reading: what comes in meanwhile is none of those
    checker = Checker(Topics(consumer, admin, aside), pool, rulebook)
    with screen.bar(total_known=True) as progress:
        for number in progress.track(numbers, description="checking"):
            await checker.partition(number)
    report = checker.report
    report.unread = max(0, stored - report.found)
    return report


def _today() -> date:
    return datetime.now(UTC).date()


class Topics:
    """All that sla has heard, from the beginning to where it stands; what was laid aside is left out."""

    def __init__(self, consumer: AIOKafkaConsumer, admin: AIOKafkaAdminClient, aside: frozenset[UUID]) -> None:
        self._consumer = consumer
        self._admin = admin
        self._aside = aside

    def begin(self, number: int) -> None:
        """Read the partitions of that number from now on: all that is said of one complaint stands in them."""
        self._consumer.assign([TopicPartition(topic, number) for topic in TOPICS])

    async def rest(self) -> AsyncIterator[Event[Any]]:
        """From where the last call ended to where the service stands now."""
        stands = await self._admin.list_consumer_group_offsets(GROUP)
        ends = {one: stands[one].offset if one in stands else 0 for one in self._consumer.assignment()}
        while [one for one, end in ends.items() if await self._consumer.position(one) < end]:
            found = await self._consumer.getmany(timeout_ms=READ_MS, max_records=READ_MAX)
            for records in found.values():
                for heard in sort_out(records, SLA).heard:
                    if heard.event.id not in self._aside:
                        yield heard.event


class Checker:
    """Goes through the partitions one by one. What is written while it looks is looked at again."""

    def __init__(self, topics: Topics, pool: asyncpg.Pool, rulebook: Rulebook) -> None:
        self.report = Report()
        self._topics = topics
        self._pool = pool
        self._rulebook = rulebook
        self._seen: set[ComplaintId] = set()  # of one partition: rows are looked at more than once

    async def partition(self, number: int) -> None:
        """Every complaint of the partitions of that number."""
        self._topics.begin(number)
        heard: dict[ComplaintId, Complaint] = {}
        differing: dict[ComplaintId, list[Difference]] = {}
        for turn in range(TURNS):
            async for event in self._topics.rest():
                self.report.events += 1
                heard[event.subject] = refold(heard.get(event.subject), event.subject, [event])
            differing = await self._compare([*differing] if turn else [*heard], heard)
            if not differing:
                break
        self.report.complaints += sum(one.receipt is not None or bool(one.moments) for one in heard.values())
        self.report.differing.update(differing)
        self.report.found += len(self._seen)
        self._seen.clear()

    async def _compare(
        self, ids: Sequence[ComplaintId], heard: dict[ComplaintId, Complaint]
    ) -> dict[ComplaintId, list[Difference]]:
        found: dict[ComplaintId, list[Difference]] = {}
        for start in range(0, len(ids), CHUNK):
            chunk = ids[start : start + CHUNK]
            rows = {row["complaint_id"]: row for row in await self._pool.fetch(ROWS, chunk)}
            self._seen.update(rows)
            for one in chunk:
                if wrong := list(self._of_one(heard[one], rows.get(one))):
                    found[one] = wrong
        return found

    def _of_one(self, heard: Complaint, row: Any) -> Iterator[Difference]:
        if row is None:
            if heard != Complaint(complaint_id=heard.complaint_id):
                yield Difference("complaint", "not there", "heard of")
            return
        stored = Complaint.model_validate_json(row["state"])
        yield from differences(stored, heard, self._rulebook)
        yield from columns(stored, dict(row), dict(zip(PROMOTED, promoted(stored), strict=True)))
