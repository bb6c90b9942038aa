"""Kafka clients with the settings that lose nothing: producer, admin client, reader, and the security options of all.

The defaults of aiokafka and FastStream can lose messages; `docs/decisions/0003-kafka-defaults.md` lists them and what
is set instead. The broker of a service is in `shared.messaging.broker`.
"""

import ssl
from collections.abc import Sequence
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.partitioner import murmur2
from faststream.kafka.security import parse_security
from faststream.security import BaseSecurity, SASLScram512

from shared.errors import Misconfigured
from shared.settings import ServiceSettings

Records = Sequence["ConsumerRecord[Any, Any]"]


def security(settings: ServiceSettings) -> BaseSecurity:
    """Return TLS and SCRAM options as FastStream describes them. Raises `Misconfigured` if the CA file is unusable."""
    tls = _tls_context(settings)
    if settings.kafka_username and settings.kafka_password:
        password = settings.kafka_password.get_secret_value()
        return SASLScram512(settings.kafka_username, password, ssl_context=tls)
    return BaseSecurity(ssl_context=tls)


def _tls_context(settings: ServiceSettings) -> ssl.SSLContext | None:
    if not settings.kafka_ca_file:
        return None
    try:
        return ssl.create_default_context(cafile=str(settings.kafka_ca_file))
    except OSError as error:  # ssl.SSLError is one
        raise Misconfigured(
            f"kafka_ca_file: expected a PEM file with CA certificates at {settings.kafka_ca_file}: {error.strerror}"
        ) from None


def _connection(settings: ServiceSettings) -> dict[str, Any]:
    """Return the options every aiokafka client connects with."""
    return {"bootstrap_servers": settings.kafka.split(","), **parse_security(security(settings))}


def producer(settings: ServiceSettings, name: str) -> AIOKafkaProducer:
    """Build an idempotent producer, not started. After a failure replace it: one that failed may never recover."""
    return AIOKafkaProducer(
        **_connection(settings),
        client_id=f"redress-{name}-relay",
        acks="all",
        enable_idempotence=True,
        linger_ms=0,
        request_timeout_ms=15_000,
        max_request_size=1_048_576,
    )


def admin(settings: ServiceSettings) -> AIOKafkaAdminClient:
    """Build an admin client, not started."""
    return AIOKafkaAdminClient(**_connection(settings), client_id="redress-admin", request_timeout_ms=10_000)


def reader(settings: ServiceSettings) -> AIOKafkaConsumer:
    """Build a consumer outside any group, not started. It reads topics from the start and commits no offset."""
    return AIOKafkaConsumer(
        **_connection(settings),
        client_id="redress-reader",
        group_id=None,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        request_timeout_ms=15_000,
    )


def partition_of(key: bytes, partitions: int) -> int:
    """Return the partition that Java's default partitioner gives this key, so that every client agrees."""
    hashed: int = murmur2(key) & 0x7FFFFFFF
    return hashed % partitions
