"""The timers' figures as lines of the report: ours, each rival, and what was to be reached."""

from collections.abc import Iterator
from typing import Any

from tests.bench.report import Figure

LATE_MS = 500.0
DRAIN_SECONDS = 2.0
MOVE_SECONDS = 60.0


def lines(found: dict[str, Any]) -> Iterator[Figure]:
    """All of them; a rival stands there with nothing else stored, and with as many jobs as we have clocks."""
    size, ours = found["size"], found["ours"]
    open_clocks = ours["complaints"] * ours["clocks_each"]
    stored = f"{open_clocks:,.0f} open clocks stored ({ours['complaints']:,} complaints x {ours['clocks_each']:.1f})"
    yield _steady(found, ours["stored"]["steady"], f"lateness at {size['rate']} fires/s, p50 / p99; {stored}")
    yield _burst(found, ours["stored"]["burst"], f"{size['burst']:,} timers due in one second, drained in")
    yield _of_two(ours["burst_of_two"])
    yield from _moved(ours["moved"], ours["clocks_each"])
    yield _killed(ours["killed"])


def _steady(found: dict[str, Any], one: dict[str, Any], what: str) -> Figure:
    reached = one["fired"] == one["asked"] and not one["early"] and one["p99_ms"] <= LATE_MS
    return Figure(
        what, _late(one), _rivals(found, "steady"), f"{one['p99_ms']:.0f} ms", f"p99 <= {LATE_MS:.0f} ms", reached
    )


def _burst(found: dict[str, Any], one: dict[str, Any], what: str) -> Figure:
    reached = one["fired"] == one["asked"] and one["seconds"] <= DRAIN_SECONDS
    return Figure(
        what, _drained(one), _rivals(found, "burst"), f"{one['seconds']:.2f} s", f"<= {DRAIN_SECONDS:.0f} s", reached
    )


def _of_two(one: dict[str, Any]) -> Figure:
    reached = one["fired"] == one["asked"] and one["seconds"] <= DRAIN_SECONDS
    return Figure(
        "the same by two processes of ours",
        _drained(one),
        "",
        f"{one['seconds']:.2f} s",
        f"<= {DRAIN_SECONDS:.0f} s",
        reached,
    )


def _moved(one: dict[str, Any], each: float) -> Iterator[Figure]:
    late = one["meanwhile"]
    yield Figure(
        f"{one['complaints'] * each:,.0f} open clocks worked out anew after a calendar change, by two processes",
        f"{one['seconds']:.1f} s, {one['events']:,} clocks moved",
        f"meanwhile {one['asked']} looks and promises, p99 {one['look_p99_ms']:.0f} and {one['promise_p99_ms']:.0f} ms",
        f"{one['seconds']:.1f} s",
        f"<= {MOVE_SECONDS:.0f} s",
        one["seconds"] <= MOVE_SECONDS,
    )
    yield Figure(
        f"timers firing meanwhile, {late['asked']:,}",
        _late(late),
        "",
        f"{late['p99_ms']:.0f} ms",
        "all fire",
        late["fired"] == late["asked"],
    )


def _killed(one: dict[str, Any]) -> Figure:
    wrong = one["lost"] + one["doubled"] + one["gaps"]
    return Figure(
        f"kill -9 {one['kills']} times while {one['asked']:,} timers fire",
        f"{one['lost']} lost, {one['doubled']} doubled, {one['gaps']} gaps in numbers",
        f"{one['events']:,} events checked",
        f"{wrong} wrong",
        "0 lost, 0 doubled",
        not wrong,
    )


def _rivals(found: dict[str, Any], part: str) -> str:
    told = []
    for name, its_version in found["versions"].items():
        for how in ("alone", "stored"):
            one = found[name][how][part]
            number = _late(one) if part == "steady" else _drained(one)
            told.append(f"{name} {its_version}{'' if how == 'alone' else ', as many stored'}: {number}")
    return "\n".join(told)


def _late(one: dict[str, Any]) -> str:
    return f"{one['p50_ms']:,.0f} / {one['p99_ms']:,.0f} ms{_of(one)}"


def _drained(one: dict[str, Any]) -> str:
    return f"{one['seconds']:.2f} s, {one['rate']:,.0f} fires/s{_of(one)}"


def _of(one: dict[str, Any]) -> str:
    return "" if one["fired"] == one["asked"] else f" ({one['fired']:,} of {one['asked']:,} fired)"
