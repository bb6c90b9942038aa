"""Properties of the envelope: an event is unchanged by writing and reading; other bytes raise `InvalidEvent`."""

import json
from contextlib import suppress
from datetime import UTC

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import AwareDatetime

from shared.contracts import EVENTS, FACTS, InvalidEvent, read, write
from shared.contracts.envelope import Data, Event
from shared.contracts.events import Redress

TIMES = st.datetimes(timezones=st.just(UTC))
st.register_type_strategy(AwareDatetime, TIMES)
st.register_type_strategy(
    Redress, st.builds(Redress, amount=st.none() | st.decimals(0, 10**9, places=2), currency=st.none() | st.just("NOK"))
)


def build_events(fact):
    facts = st.builds(fact)
    return st.builds(
        EVENTS[fact],
        data=st.builds(Data[fact], facts=facts),
        sequence=st.integers(1, 2**31),
        source=st.sampled_from(["/redress/intake", "/redress/sla"]),
        time=TIMES,
    )


ANY_EVENT = st.one_of([build_events(fact) for fact in FACTS])


@given(ANY_EVENT)
def test_an_event_read_back_is_the_same_event(event) -> None:
    assert read(write(event)) == event


@given(ANY_EVENT)
def test_serialization_is_stable_after_a_round_trip(event) -> None:
    assert write(read(write(event))) == write(event)


@given(
    ANY_EVENT,
    st.dictionaries(st.text(min_size=1).filter(lambda key: key not in ("type", "data")), st.none(), max_size=3),
)
def test_fields_added_by_a_newer_producer_are_ignored(event, extra) -> None:
    plain = json.loads(write(event))
    with_more = {f"x{key}": 1 for key in extra} | plain
    assert read(json.dumps(with_more).encode()) == event


@given(st.binary(max_size=200))
def test_arbitrary_bytes_raise_invalid_event(value) -> None:
    with pytest.raises(InvalidEvent):
        read(value)


@given(ANY_EVENT, st.data())
def test_a_damaged_event_is_read_or_raises_invalid_event(event, data) -> None:
    damaged = bytearray(write(event))
    damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    with suppress(InvalidEvent):
        assert isinstance(read(bytes(damaged)), Event)
