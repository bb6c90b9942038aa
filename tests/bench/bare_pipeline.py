"""Bare baseline: a pipeline with the hops, bytes and commits of Redress but no domain logic, on the same libraries.

    HTTP → intake → Kafka → triage → Kafka → sla → Kafka → notify → SMTP → Kafka → sla, intake

`python -m tests.bench.bare_pipeline ROLE KAFKA DSN HTTP_PORT SMTP_PORT` runs one of the four processes. Each batch is one
PostgreSQL transaction (inbox ids, state by upsert, outbox rows) followed by the commit of the Kafka offsets; a publisher
sends the committed rows in batches by partition and then advances its cursor. Rows are published from memory: reading
the outbox is a cost of Redress that the baseline does not have.
"""

import asyncio
import signal
import sys
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from zlib import crc32

import asyncpg
import uvloop
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from tests.bench.bare_endpoints import Mailer, serve_http

PARTITIONS = 12
WIDTH = 40  # bytes of the padded address that follows the kind at the start of each event
SUBSCRIBED_ROLES = {"intake": ("triage", "sla", "notify"), "triage": ("intake",), "sla": ("intake", "triage", "notify")}
SUBSCRIBED_ROLES["notify"] = ("intake", "triage", "sla")

# Measured sizes of the events of Redress on Kafka, by kind; each event is padded to them. The kind is its first byte.
EVENT_BYTES = {b"R": 1785, b"T": 650, b"A": 690, b"P": 550, b"M": 680, b"C": 545}
STATE_BYTES = {"intake": 1600, "triage": 690, "sla": 1180, "notify": 1000}
# role → received kind → published kinds. After P (promise) notify sends a mail and publishes M when it is accepted.
PUBLISHED_KINDS: dict[str, dict[bytes, tuple[bytes, ...]]] = {
    "intake": {},
    "triage": {b"R": (b"T", b"A")},
    "sla": {b"T": (b"P",), b"M": (b"C",)},
    "notify": {},
}
SUBSCRIBED_KINDS = {"intake": b"TAPM", "triage": b"R", "sla": b"RTM", "notify": b"RTAP"}

SCHEMA = """
create schema if not exists bare_{role};
set search_path to bare_{role};
create table if not exists inbox (id uuid primary key);
create table if not exists state (id text primary key, body bytea not null);
create table if not exists outbox (id bigint generated always as identity primary key, event bytea not null);
create table if not exists cursor (at bigint not null);
create table if not exists attempt (id text primary key, accepted boolean not null default false);
insert into cursor select 0 where not exists (select from cursor);
"""
INSERT_BATCH = """
with received as (insert into inbox select unnest($1::uuid[]) on conflict do nothing),
     stored as (insert into state select * from unnest($2::text[], $3::bytea[])
                on conflict (id) do update set body = excluded.body)
insert into outbox (event) select unnest($4::bytea[])
"""
INSERT_ATTEMPTS = "insert into attempt (id) select unnest($1::text[]) on conflict do nothing"
RECORD_ACCEPTED = """
with done as (update attempt set accepted = true where id = any($1::text[]))
insert into outbox (event) select unnest($2::bytea[])
"""
ADVANCE_CURSOR = "update cursor set at = at + $1"


@dataclass(frozen=True)
class Options:
    """Command line arguments of a process."""

    role: str
    kafka: str
    dsn: str
    http_port: int
    smtp_port: int


def build_event(kind: bytes, address: bytes, payload: bytes = b"") -> bytes:
    """Build an event with the size of the event of Redress of this kind."""
    return (kind + address.ljust(WIDTH) + payload).ljust(EVENT_BYTES[kind], b".")


def parse_address(record: bytes) -> bytes:
    """Return the customer's address, which identifies the complaint."""
    return record[1 : 1 + WIDTH].rstrip()


class Publisher:
    """Publisher of committed rows, in order, one batch per partition; advances the cursor afterwards."""

    def __init__(self, options: Options, pool: asyncpg.Pool) -> None:
        self.topic = f"bare.{options.role}"
        self.pool = pool
        self.producer = AIOKafkaProducer(
            bootstrap_servers=options.kafka, acks="all", enable_idempotence=True, linger_ms=0
        )
        self.waiting: list[bytes] = []
        self.wake = asyncio.Event()

    def put(self, events: Iterable[bytes]) -> None:
        """Queue committed events."""
        self.waiting.extend(events)
        self.wake.set()

    async def run(self) -> None:
        """Publish queued events until cancelled."""
        await self.producer.start()
        try:
            while True:
                await self.wake.wait()
                self.wake.clear()
                taken, self.waiting = self.waiting, []
                if taken:
                    await self._send(taken)
                    await self.pool.execute(ADVANCE_CURSOR, len(taken))
        finally:
            await self.producer.stop()

    async def _send(self, events: Sequence[bytes]) -> None:
        buckets: dict[int, list[bytes]] = {}
        for payload in events:
            buckets.setdefault(crc32(parse_address(payload)) % PARTITIONS, []).append(payload)
        acks = []
        for partition, bucket in buckets.items():
            builder = self.producer.create_batch()
            for payload in bucket:
                if builder.append(key=parse_address(payload), value=payload, timestamp=None) is None:
                    acks.append(await self.producer.send_batch(builder, self.topic, partition=partition))
                    builder = self.producer.create_batch()
                    builder.append(key=parse_address(payload), value=payload, timestamp=None)
            acks.append(await self.producer.send_batch(builder, self.topic, partition=partition))
        await asyncio.gather(*acks)


class Process:
    """Process of one role: commits received events and publishes the events that follow from them."""

    def __init__(self, options: Options, pool: asyncpg.Pool) -> None:
        self.options = options
        self.pool = pool
        self.publisher = Publisher(options, pool)
        self.mailer = Mailer(options.smtp_port, self.claim, self.accepted)

    async def accept(self, bodies: Sequence[tuple[bytes, bytes]]) -> None:
        """Store the complaints of all waiting requests in one transaction (role intake)."""
        events = [build_event(b"R", address, body) for address, body in bodies]
        await self._commit([address for address, _ in bodies], [uuid.uuid4() for _ in bodies], events)

    async def consume(self) -> None:
        """Handle each polled batch in one transaction, then commit its offsets."""
        role = self.options.role
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self.options.kafka,
            group_id=f"bare-{role}",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
        )
        consumer.assign([TopicPartition(f"bare.{t}", p) for t in SUBSCRIBED_ROLES[role] for p in range(PARTITIONS)])
        await consumer.start()
        try:
            while True:
                polled = await consumer.getmany(timeout_ms=250, max_records=500)
                events = [
                    r.value for records in polled.values() for r in records if r.value[:1] in SUBSCRIBED_KINDS[role]
                ]
                if events:
                    await self._handle(events)
                if polled:
                    await consumer.commit()
        finally:
            await consumer.stop()

    async def _handle(self, events: Sequence[bytes]) -> None:
        table = PUBLISHED_KINDS[self.options.role]
        new_events = [
            build_event(kind, parse_address(received)) for received in events for kind in table.get(received[:1], ())
        ]
        addresses = [parse_address(received) for received in events]
        await self._commit(addresses, [uuid.uuid4() for _ in events], new_events)
        if self.options.role == "notify":
            self.mailer.put(parse_address(received) for received in events if received[:1] == b"P")

    async def _commit(self, addresses: Sequence[bytes], ids: Sequence[uuid.UUID], new_events: Sequence[bytes]) -> None:
        keys = sorted({address.decode() for address in addresses})
        states = [b"." * STATE_BYTES[self.options.role]] * len(keys)
        await self.pool.execute(INSERT_BATCH, sorted(ids), keys, states, new_events)
        self.publisher.put(new_events)

    async def claim(self, addresses: Sequence[bytes]) -> None:
        """Commit the attempts before the mail server is called."""
        await self.pool.execute(INSERT_ATTEMPTS, [address.decode() for address in addresses])

    async def accepted(self, addresses: Sequence[bytes]) -> None:
        """Record the mails that the mail server accepted and publish their events."""
        new_events = [build_event(b"M", address) for address in addresses]
        await self.pool.execute(RECORD_ACCEPTED, [address.decode() for address in addresses], new_events)
        self.publisher.put(new_events)


async def run(options: Options) -> None:
    """Run one process until SIGTERM."""
    async with asyncpg.create_pool(
        options.dsn, min_size=2, max_size=8, server_settings={"search_path": f"bare_{options.role}"}
    ) as pool:
        await pool.execute(SCHEMA.format(role=options.role))
        process = Process(options, pool)
        tasks = [asyncio.create_task(process.publisher.run()), asyncio.create_task(process.consume())]
        if options.role == "intake":
            tasks.append(asyncio.create_task(serve_http(options.http_port, process.accept)))
        if options.role == "notify":
            tasks.append(asyncio.create_task(process.mailer.run()))
        stop = asyncio.create_task(_wait_for_sigterm())
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        await asyncio.wait([stop, *tasks], return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
        for error in ended:
            if isinstance(error, Exception):
                raise error


async def _wait_for_sigterm() -> None:
    stopping = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
    await stopping.wait()


if __name__ == "__main__":
    uvloop.run(run(Options(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5]))))
