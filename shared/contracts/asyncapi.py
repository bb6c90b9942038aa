"""AsyncAPI 3 document from the registry: topics, events and their JSON Schemas.

FastStream can generate one as well, but describes the messages of batch subscribers wrongly.
"""

from functools import cache
from typing import Any

from shared.contracts.envelope import CONTENT_TYPE, Fact
from shared.contracts.registry import EVENTS
from shared.contracts.topics import SERVICES, Service


def event_schema(fact: type[Fact]) -> dict[str, Any]:
    """Return the JSON Schema of the whole event, with its envelope, as it is published."""
    return EVENTS[fact].model_json_schema(mode="serialization", ref_template="#/$defs/{model}")


def _summary(fact: type[Fact]) -> str:
    return (fact.__doc__ or "").strip().splitlines()[0]


@cache
def build_document() -> dict[str, Any]:
    """Return the AsyncAPI 3.0 document of all topics."""
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "Redress events", "version": "1.0.0", "license": {"name": "Apache-2.0"}},
        "defaultContentType": CONTENT_TYPE.decode(),
        "channels": {service.name: _channel(service) for service in SERVICES},
        "operations": {f"{service.name}.send": _send(service) for service in SERVICES}
        | {f"{s.name}.receive.{source.name}": _receive(s, source) for s in SERVICES for source in s.sources},
        "components": {"messages": {fact.wire_type(): _message(fact) for fact in EVENTS}},
    }


def _channel(service: Service) -> dict[str, Any]:
    names = [fact.wire_type() for fact in service.publishes]
    return {
        "address": service.topic,
        "description": f"Written by {service.name} alone; keyed by complaint id.",
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in names},
        "bindings": {"kafka": {"key": {"type": "string", "format": "uuid"}}},
    }


def _send(service: Service) -> dict[str, Any]:
    return {"action": "send", "channel": {"$ref": f"#/channels/{service.name}"}}


def _receive(service: Service, source: Service) -> dict[str, Any]:
    names = [fact.wire_type() for fact in source.publishes if fact in service.subscribes]
    return {
        "action": "receive",
        "channel": {"$ref": f"#/channels/{source.name}"},
        "messages": [{"$ref": f"#/channels/{source.name}/messages/{name}"} for name in names],
    }


def _message(fact: type[Fact]) -> dict[str, Any]:
    return {
        "name": fact.wire_type(),
        "title": fact.__name__,
        "summary": _summary(fact),
        "contentType": CONTENT_TYPE.decode(),
        "payload": {"schemaFormat": "application/schema+json;version=draft-2020-12", "schema": event_schema(fact)},
    }
