"""Checks of the timer benchmark: lost and doubled timers are counted; a figure is reached only if every timer fired."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from tests.bench.timers import kill_runs, lateness, report_rows
from tests.bench.timers.clocks import PROMISE

AT = "2026-03-02T12:00:00Z"


class Stored:
    """Stub of the connection: the rows of the two queries of the check."""

    def __init__(self) -> None:
        self.states: dict[UUID, list[Any]] = {}
        self.events: list[tuple[UUID, bytes]] = []

    def complaint(self, what: str) -> UUID:
        """Add a complaint whose timer fired correctly: requested, marked as fired, published once."""
        key = uuid4()
        fired = [] if what == PROMISE else [f"requester_wait:1:{what}"]
        self.states[key] = [key, what, fired, AT, 4, False]
        facts = {"promise": 2} if what == PROMISE else {"clock": "requester_wait", "cycle": 1, "rung": what}
        self.publish(key, 4, facts)
        return key

    def publish(self, key: UUID, sequence: int, facts: dict[str, Any]) -> None:
        event = {"sequence": f"{sequence:010d}", "type": "t", "data": {"facts": facts}}
        self.events.append((key, json.dumps(event).encode()))

    def execute(self, sql: str) -> Any:
        return self if sql == kill_runs.SELECT_STATES else iter(self.events)

    def fetchall(self) -> list[list[Any]]:
        return list(self.states.values())


def verdict(stored: Stored) -> tuple[int, int, int]:
    verdict = kill_runs.count_errors(stored)  # type: ignore[arg-type]  # a stub of the connection
    return verdict["lost"], verdict["doubled"], verdict["gaps"]


@pytest.fixture
def stored() -> Stored:
    made = Stored()
    for what in (PROMISE, "50%", "75%"):
        made.complaint(what)
    return made


def test_a_timer_that_fired_once_is_neither_lost_nor_doubled(stored: Stored) -> None:
    assert verdict(stored) == (0, 0, 0)


def test_an_event_that_is_missing_is_lost_and_leaves_a_gap(stored: Stored) -> None:
    del stored.events[1]
    assert verdict(stored) == (1, 0, 0)
    stored.publish(next(iter(stored.states)), 6, {"clock": "x", "cycle": 1, "rung": "50%"})
    assert verdict(stored) == (1, 0, 1)


@pytest.mark.parametrize(("place", "wrong"), [(2, []), (3, None), (5, True), (5, None)])
def test_a_timer_that_is_not_marked_as_fired_is_lost(stored: Stored, place: int, wrong: Any) -> None:
    state = list(stored.states.values())[1]
    state[place] = wrong
    assert verdict(stored)[0] == 1


def test_a_step_published_twice_is_doubled_with_any_sequence_number(stored: Stored) -> None:
    key = next(key for key, state in stored.states.items() if state[1] == "75%")
    stored.publish(key, 5, {"clock": "requester_wait", "cycle": 1, "rung": "75%"})
    stored.states[key][4] = 5
    assert verdict(stored) == (0, 1, 0)


def test_times_are_at_the_start_of_seconds() -> None:
    begin = datetime(2026, 3, 2, 12, tzinfo=UTC)
    moments = lateness.spread(begin, 3, 2)
    assert moments == [begin] * 3 + [begin + timedelta(seconds=1)] * 3


def numbers(**changes: Any) -> dict[str, Any]:
    figures = lateness.Lateness(requested=10, fired=10, early=0, seconds=1.0, p50_ms=20.0, p99_ms=90.0, max_ms=95.0)
    measured: dict[str, Any] = figures.to_json() | changes
    both = {"steady": measured, "burst": measured}
    killed = {"kills": 20, "requested": 10, "events": 10, "lost": 0, "doubled": 0, "gaps": 0}
    moved = {"complaints": 5, "seconds": 9.0, "events": 4, "requested": 3, "read_p99_ms": 1.0, "promise_p99_ms": 2.0}
    moved["meanwhile"] = measured
    redress = {
        "complaints": 5,
        "clocks_each": 4.0,
        "stored": both,
        "burst_of_two": measured,
        "moved": moved,
        "killed": killed,
    }
    return {
        "size": {"rate": 300, "burst": 10},
        "versions": {"pgqueuer": "1"},
        "redress": redress,
        "pgqueuer": {"alone": both, "stored": both},
    }


def test_a_figure_is_reached_only_when_all_fired_and_none_early() -> None:
    assert [line.reached for line in report_rows.report_rows(numbers())] == [True] * 6
    assert [line.reached for line in report_rows.report_rows(numbers(fired=9))] == [
        False,
        False,
        False,
        True,
        False,
        True,
    ]
    assert [line.reached for line in report_rows.report_rows(numbers(early=1))] == [False, True, True, True, True, True]
    assert [line.reached for line in report_rows.report_rows(numbers(p99_ms=501.0, seconds=2.1))] == [
        False,
        False,
        False,
        True,
        True,
        True,
    ]


def test_an_unfinished_scheduler_is_shown_with_the_number_it_fired() -> None:
    (steady, *_) = report_rows.report_rows(numbers(fired=9))
    assert steady.other.splitlines()[1] == "pgqueuer 1, as many stored: 20 / 90 ms (9 of 10 fired)"
