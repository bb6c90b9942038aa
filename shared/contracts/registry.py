"""Registry of event classes, and conversion between bytes and events."""

from functools import reduce
from operator import or_
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter, ValidationError, create_model

from shared.contracts.envelope import Data, Event, Fact
from shared.contracts.topics import FACTS
from shared.errors import Rejected


class InvalidEvent(Rejected):
    """These bytes are not a known event."""


def _concrete(fact: type[Fact]) -> type[Event[Any]]:
    wire = fact.wire_type()
    model: type[Event[Any]] = create_model(
        fact.__name__,
        __base__=Event,
        __doc__=fact.__doc__,
        type=(Literal[wire], wire),  # type: ignore[arg-type]
        data=(Data[fact], ...),  # type: ignore[valid-type]
    )
    return model


EVENTS: dict[type[Fact], type[Event[Any]]] = {fact: _concrete(fact) for fact in FACTS}
READER: TypeAdapter[Event[Any]] = TypeAdapter(
    Annotated[reduce(or_, EVENTS.values()), Field(discriminator="type")],  # type: ignore[arg-type]
)


def read(value: bytes | None) -> Event[Any]:
    """Parse and validate one event. Raises `InvalidEvent` with what was expected, without quoting the payload."""
    if value is None:
        raise InvalidEvent("expected an event, got a record without a value")
    try:
        return READER.validate_json(value)
    except ValidationError as error:
        raise InvalidEvent(_explain(error)) from None


def write(event: Event[Any]) -> bytes:
    """Return the bytes of an event for outbox, Kafka, dead letter and replay."""
    return event.__pydantic_serializer__.to_json(event, exclude_none=True)


def _explain(error: ValidationError) -> str:
    first = error.errors(include_input=False, include_url=False, include_context=False)[0]
    where = ".".join(str(part) for part in first["loc"][1:]) or "envelope"
    if first["type"] == "union_tag_invalid":
        return "unknown event type or version; expected one of the registered types"
    return f"{where}: {first['msg']}" if first["type"] != "json_invalid" else "not JSON"
