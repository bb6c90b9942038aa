"""Check that a service, built as its process builds it, hands records to its runner."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aiokafka import ConsumerRecord
from faststream.kafka import TestKafkaBroker

from shared.contracts import Service, write
from shared.runner.runner import BatchResult
from shared.service import ServiceApp
from tests.factories import event, received

Build = Callable[..., ServiceApp]


@pytest.fixture
def options(keys: tuple[Path, Path]) -> dict[str, Any]:
    """Settings with which every service can be built; their servers do not exist."""
    return {"auth_public_key_file": keys[1], "kafka": "127.0.0.1:1", "postgres": "postgresql://127.0.0.1:1/none"}


async def collect_batches(app: ServiceApp, topic: str, *values: bytes) -> list[list[ConsumerRecord[Any, Any]]]:
    """Publish values to `topic` and return the batches that the runner of `app` received."""
    batches: list[list[ConsumerRecord[Any, Any]]] = []

    async def collect(records: Any) -> BatchResult:
        batches.append(list(records))
        return BatchResult()

    app.runtime.runner.apply_records = collect  # type: ignore[method-assign]
    async with TestKafkaBroker(app.broker) as broker:
        for value in values:
            await broker.publish(value, topic, key=b"complaint", headers={"content-type": "application/json"})
    return batches


async def check_wiring(app: ServiceApp, sources: tuple[Service, ...]) -> None:
    """Assert that the runner receives an event of each input topic as the published bytes, and none of its own topic."""
    value = write(event(received()))
    for source in sources:
        ((record,),) = await collect_batches(app, source.topic, value)
        assert (record.topic, record.key, record.value) == (source.topic, b"complaint", value)
    assert not await collect_batches(app, app.runtime.service.topic, value), "a service does not read its own topic"
    metrics = app.runtime.metrics.render().decode()
    for source in sources:
        assert f'app_name="{app.runtime.service.name}",broker="kafka",handler="{source.topic}"' in metrics
