"""Report rows of the timers: Redress, the other schedulers, and the limit of each figure."""

from collections.abc import Iterator
from typing import Any

from tests.bench.report import Figure

LATE_MS = 500.0
DRAIN_SECONDS = 2.0
MOVE_SECONDS = 60.0


def report_rows(numbers: dict[str, Any]) -> Iterator[Figure]:
    """Yield all rows; the other schedulers with nothing else stored, and with as many jobs as Redress has clocks."""
    size, redress = numbers["size"], numbers["redress"]
    open_clocks = redress["complaints"] * redress["clocks_each"]
    stored = (
        f"{open_clocks:,.0f} open clocks stored ({redress['complaints']:,} complaints x {redress['clocks_each']:.1f})"
    )
    yield _steady(numbers, redress["stored"]["steady"], f"lateness at {size['rate']} fires/s, p50 / p99; {stored}")
    yield _burst(numbers, redress["stored"]["burst"], f"{size['burst']:,} timers due in one second, drained in")
    yield _of_two(redress["burst_of_two"])
    yield from _moved(redress["moved"], redress["clocks_each"])
    yield _killed(redress["killed"])


def _steady(numbers: dict[str, Any], measured: dict[str, Any], what: str) -> Figure:
    reached = measured["fired"] == measured["requested"] and not measured["early"] and measured["p99_ms"] <= LATE_MS
    return Figure(
        what,
        _late(measured),
        _other_schedulers(numbers, "steady"),
        f"{measured['p99_ms']:.0f} ms",
        f"p99 <= {LATE_MS:.0f} ms",
        reached,
    )


def _burst(numbers: dict[str, Any], measured: dict[str, Any], what: str) -> Figure:
    reached = measured["fired"] == measured["requested"] and measured["seconds"] <= DRAIN_SECONDS
    return Figure(
        what,
        _drained(measured),
        _other_schedulers(numbers, "burst"),
        f"{measured['seconds']:.2f} s",
        f"<= {DRAIN_SECONDS:.0f} s",
        reached,
    )


def _of_two(measured: dict[str, Any]) -> Figure:
    reached = measured["fired"] == measured["requested"] and measured["seconds"] <= DRAIN_SECONDS
    return Figure(
        "the same by two processes of sla",
        _drained(measured),
        "",
        f"{measured['seconds']:.2f} s",
        f"<= {DRAIN_SECONDS:.0f} s",
        reached,
    )


def _moved(measured: dict[str, Any], each: float) -> Iterator[Figure]:
    late = measured["meanwhile"]
    yield Figure(
        f"{measured['complaints'] * each:,.0f} open clocks recomputed after a calendar change, by two processes",
        f"{measured['seconds']:.1f} s, {measured['events']:,} clocks moved",
        f"meanwhile {measured['requested']} reads and promises, p99 {measured['read_p99_ms']:.0f} and {measured['promise_p99_ms']:.0f} ms",
        f"{measured['seconds']:.1f} s",
        f"<= {MOVE_SECONDS:.0f} s",
        measured["seconds"] <= MOVE_SECONDS,
    )
    yield Figure(
        f"timers firing meanwhile, {late['requested']:,}",
        _late(late),
        "",
        f"{late['p99_ms']:.0f} ms",
        "all fire",
        late["fired"] == late["requested"],
    )


def _killed(measured: dict[str, Any]) -> Figure:
    wrong = measured["lost"] + measured["doubled"] + measured["gaps"]
    return Figure(
        f"kill -9 {measured['kills']} times while {measured['requested']:,} timers fire",
        f"{measured['lost']} lost, {measured['doubled']} doubled, {measured['gaps']} gaps in numbers",
        f"{measured['events']:,} events checked",
        f"{wrong} wrong",
        "0 lost, 0 doubled",
        not wrong,
    )


def _other_schedulers(numbers: dict[str, Any], part: str) -> str:
    parts = []
    for name, its_version in numbers["versions"].items():
        for how in ("alone", "stored"):
            measured = numbers[name][how][part]
            number = _late(measured) if part == "steady" else _drained(measured)
            parts.append(f"{name} {its_version}{'' if how == 'alone' else ', as many stored'}: {number}")
    return "\n".join(parts)


def _late(measured: dict[str, Any]) -> str:
    return f"{measured['p50_ms']:,.0f} / {measured['p99_ms']:,.0f} ms{_of(measured)}"


def _drained(measured: dict[str, Any]) -> str:
    return f"{measured['seconds']:.2f} s, {measured['rate']:,.0f} fires/s{_of(measured)}"


def _of(measured: dict[str, Any]) -> str:
    return (
        ""
        if measured["fired"] == measured["requested"]
        else f" ({measured['fired']:,} of {measured['requested']:,} fired)"
    )
