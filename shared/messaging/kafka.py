"""The only way to Kafka: consumer, producer and admin with the settings that lose nothing.

FastStream's defaults acknowledge before handling, start at the latest offset and parse headers in a way that one bad
record kills its whole batch; `docs/decisions/0003-kafka-defaults.md` has the list and what is set instead.
"""

import logging
import ssl
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord
from aiokafka.abc import ConsumerRebalanceListener
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.partitioner import murmur2
from faststream import AckPolicy
from faststream.kafka import KafkaBroker
from faststream.kafka.message import KafkaAckableMessage
from faststream.kafka.subscriber.usecase import BatchSubscriber
from faststream.message import StreamMessage
from faststream.security import BaseSecurity, SASLScram512

from shared.contracts.topics import Service
from shared.settings import ServiceSettings

Records = Sequence["ConsumerRecord[Any, Any]"]
Handler = Callable[[Records], Awaitable[None]]


def _tls(settings: ServiceSettings) -> ssl.SSLContext | None:
    return ssl.create_default_context(cafile=str(settings.kafka_ca_file)) if settings.kafka_ca_file else None


def _security(settings: ServiceSettings) -> BaseSecurity | None:
    if settings.kafka_username and settings.kafka_password:
        return SASLScram512(
            ssl_context=_tls(settings),
            use_ssl=settings.kafka_ca_file is not None,
            username=settings.kafka_username,
            password=settings.kafka_password.get_secret_value(),
        )
    return BaseSecurity(ssl_context=_tls(settings)) if settings.kafka_ca_file else None


def _client(settings: ServiceSettings) -> dict[str, Any]:
    secured = settings.kafka_ca_file is not None
    given: dict[str, Any] = {
        "bootstrap_servers": settings.kafka.split(","),
        "security_protocol": "SSL" if secured else "PLAINTEXT",
        "ssl_context": _tls(settings),
    }
    if settings.kafka_username and settings.kafka_password:
        given |= {
            "security_protocol": "SASL_SSL" if secured else "SASL_PLAINTEXT",
            "sasl_mechanism": "SCRAM-SHA-512",
            "sasl_plain_username": settings.kafka_username,
            "sasl_plain_password": settings.kafka_password.get_secret_value(),
        }
    return given


def producer(settings: ServiceSettings, name: str) -> AIOKafkaProducer:
    """A producer that neither loses nor doubles within its life; after any failure build a new one."""
    return AIOKafkaProducer(
        **_client(settings),
        client_id=f"redress-{name}-relay",
        acks="all",
        enable_idempotence=True,
        linger_ms=0,
        request_timeout_ms=15_000,
        max_request_size=1_048_576,
    )


def admin(settings: ServiceSettings) -> AIOKafkaAdminClient:
    """An admin client, not started."""
    return AIOKafkaAdminClient(**_client(settings), client_id="redress-admin", request_timeout_ms=10_000)


def reader(settings: ServiceSettings) -> AIOKafkaConsumer:
    """A consumer in no group, not started: to look at topics from their beginning without moving anybody's place."""
    return AIOKafkaConsumer(
        **_client(settings),
        client_id="redress-reader",
        group_id=None,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        request_timeout_ms=15_000,
    )


def broker(settings: ServiceSettings) -> KafkaBroker:
    """FastStream's broker; it connects when started and never creates topics."""
    return KafkaBroker(
        settings.kafka.split(","),
        client_id="redress",
        security=_security(settings),
        consumer_only=True,  # what is said goes through the outbox and its relay
        allow_auto_create_topics=False,
        apply_types=False,  # records reach the runner as they are
        log_level=logging.DEBUG,
        logger=logging.getLogger("faststream"),
        graceful_timeout=15.0,
        request_timeout_ms=15_000,
    )


def subscribe(
    to: KafkaBroker, service: Service, settings: ServiceSettings, handler: Handler, listener: ConsumerRebalanceListener
) -> BatchSubscriber:
    """The one subscriber of a service over all topics it hears.

    Range assignor and equal partition counts keep all topics' partition k, and so a complaint, on one member.
    """
    subscriber = to.subscriber(
        *(source.topic for source in service.sources),
        batch=True,
        group_id=f"redress-{service.name}",
        auto_offset_reset="earliest",
        ack_policy=AckPolicy.NACK_ON_ERROR,
        partition_assignment_strategy=[RangePartitionAssignor],
        parser=_parse,
        decoder=_decode,
        listener=listener,
        no_reply=True,
        max_records=settings.batch_max,
        batch_timeout_ms=settings.batch_wait_ms,
        fetch_max_wait_ms=250,
        session_timeout_ms=30_000,
        heartbeat_interval_ms=3_000,
        rebalance_timeout_ms=45_000,
        max_poll_interval_ms=300_000,
    )

    @subscriber
    async def hear(records: Any) -> None:
        await handler(records)

    return subscriber


async def _parse(message: Records, original: Any) -> StreamMessage[Any]:
    """Touch neither headers nor bodies: the runner reads each record by itself and buries what is no event."""
    consumer = original.__self__._consumer  # noqa: SLF001 (the library hands its parser, not its consumer)
    first, last = message[0], message[-1]
    return KafkaAckableMessage(
        body=b"",
        headers={},
        message_id=f"{first.topic}-{first.partition}-{first.offset}-{last.offset}",
        correlation_id=None,
        raw_message=tuple(message),
        consumer=consumer,
    )


async def _decode(message: StreamMessage[Any]) -> Any:
    return message.raw_message


def partition_of(key: bytes, partitions: int) -> int:
    """The partition that Java's default partitioner gives this key, so that every client agrees."""
    hashed: int = murmur2(key) & 0x7FFFFFFF
    return hashed % partitions
