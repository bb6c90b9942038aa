"""Vectors that other projects assert: those that share our convention as they are, the others by the one they state.

Ours: half-open intervals, a budget that ends at closing time is due then, elapsed time is signed and real, fractions of
a second count. Each family is read in our terms first; what differs must come out by its project's own convention, and
how many do is counted. The expected value is never touched, and a vector that finds no reader fails.
"""

import json
from collections import Counter
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from deploy.cli.calendar.micros import MICROS, compute_due, compute_elapsed
from services.sla.calendar import Compiled, is_open_date, parse_calendar
from services.sla.calendar.clocktime import local_to_utc

FILE = Path(__file__).parents[4] / "shared" / "data" / "business_hours_vectors.json"
pytestmark = pytest.mark.skipif(not FILE.exists(), reason="the vectors of other projects are not on this machine")
Vector = dict[str, Any]


def vectors() -> list[Vector]:
    return json.loads(FILE.read_text())["vectors"] if FILE.exists() else []


# ── their calendars, written as ours ──────────────────────────────────────────────────────────────────────────────────


def hours(spans: list[list[str]]) -> list[list[str]]:
    """django-helpdesk writes the end of a day as 23.9999 h and rounds its sums to whole seconds."""
    return [["24:00" if text == "23:59:59.64" else text for text in span] for span in spans]


def without(spans: list[list[str]], breaks: list[list[str]]) -> list[list[str]]:
    """Hours of one date with its breaks cut out, as times of day."""
    left = spans
    for begin, end in breaks:
        left = [part for s, e in left for part in ([s, min(e, begin)], [max(s, end), e]) if part[0] < part[1]]
    return left


def compiled(vector: Vector) -> Compiled:
    week = {day: hours(spans) for day, spans in vector["weekly_hours"].items()}
    replaced = {**vector.get("shifts", {}), **vector.get("holiday_hours", {})}
    for day, breaks in vector.get("breaks", {}).items():
        name = date.fromisoformat(day).strftime("%a").lower()
        replaced[day] = without(replaced.get(day, week.get(name, [])), breaks)
    holidays = [
        *vector["holidays"],
        *({"on": on, "hours": spans} for on, spans in replaced.items() if on not in vector["holidays"]),
    ]
    calendar = parse_calendar(
        {
            "id": "theirs",
            "version": 1,
            "tz": vector["tz"],
            "weekly_hours": week,
            "holidays": holidays,
            "holiday_rule": "civil_day",
        }
    )
    return Compiled(calendar, around=datetime.fromisoformat(vector["start"]).date(), years=2)


def at(vector: Vector, key: str = "start") -> int:
    return seconds(vector[key])


def seconds(text: str) -> int:
    moment = datetime.fromisoformat(text)
    return int(moment.replace(tzinfo=moment.tzinfo or UTC).timestamp())


# ── readers: (what ours says, what they expect) ───────────────────────────────────────────────────────────────────────

Reading = tuple[Any, Any]


def micros(text: str) -> int:
    moment = datetime.fromisoformat(text)
    return (moment.replace(tzinfo=moment.tzinfo or UTC) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def pauses(vector: Vector) -> list[tuple[int, int]]:
    return [(micros(since), micros(until)) for since, until in vector.get("pauses", [])]


def add(vector: Vector) -> Reading:
    budget = round(vector["add_seconds"] * MICROS)
    return compute_due(compiled(vector), micros(vector["start"]), budget, pauses(vector)), micros(vector["expected"])


def elapsed(vector: Vector) -> Reading:
    total = compute_elapsed(compiled(vector), micros(vector["start"]), micros(vector["end"]), pauses(vector))
    return total / MICROS, vector["expected"]


def add_from_an_active_moment(vector: Vector) -> Reading:
    """biz: nothing added moves to the next open moment, nothing taken away to the previous one."""
    assert vector["add_seconds"] == 0
    return (next_open if vector["kind"] == "add" else previous_open)(vector)


def elapsed_never_negative(vector: Vector) -> Reading:
    """biz: 0 where start is after end."""
    value, expected = elapsed(vector)
    assert value < 0
    return max(value, 0), expected


def elapsed_nominal(vector: Vector) -> Reading:
    """working_hours counts what the wall clock shows, so a 25-hour Sunday is 24 h: our sum in a zone without changes."""
    zone = ZoneInfo(vector["tz"])
    local = {
        key: datetime.fromisoformat(vector[key]).astimezone(zone).replace(tzinfo=UTC).isoformat()
        for key in ("start", "end")
    }
    return elapsed({**vector, **local, "tz": "UTC"})


def add_with_hold(vector: Vector) -> Reading:
    """Frappe gives the held time as seconds of work, not as a pause."""
    return add({**vector, "add_seconds": vector["add_seconds"] + vector["hold_seconds"]})


def is_open(vector: Vector) -> Reading:
    return compiled(vector).is_open(at(vector)), vector["expected"]


def is_open_or_closing(vector: Vector) -> Reading:
    """moment counts the closing instant as open."""
    return compiled(vector).last_close(at(vector)) == at(vector), vector["expected"]


def on_break(vector: Vector) -> Reading:
    """Closed because of a break: open without it."""
    return not compiled(vector).is_open(at(vector)) and compiled({**vector, "breaks": {}}).is_open(at(vector)), vector[
        "expected"
    ]


def on_holiday(vector: Vector) -> Reading:
    calendar = compiled(vector).calendar
    day = datetime.fromisoformat(vector["start"]).astimezone(calendar.zone).toordinal()
    return calendar.holiday_on(day) is not None, vector["expected"]


def is_open_day(vector: Vector) -> Reading:
    calendar = compiled(vector)
    return is_open_date(calendar, local(vector, calendar).date()), vector["expected"]


def next_open(vector: Vector) -> Reading:
    return compiled(vector).next_open(at(vector)), at(vector, "expected")


def next_open_after(vector: Vector) -> Reading:
    calendar, start = compiled(vector), at(vector)
    return calendar.next_open(calendar.next_close(start) if calendar.is_open(start) else start), at(vector, "expected")


def next_close(vector: Vector) -> Reading:
    return compiled(vector).next_close(at(vector)), at(vector, "expected")


def previous_open(vector: Vector) -> Reading:
    """Looking back, closing is open and opening is closed: the left inverse of our level."""
    calendar = compiled(vector)
    return calendar.first_at(calendar.level(at(vector))), at(vector, "expected")


def next_transition(vector: Vector) -> Reading:
    return (next_open if vector["transition"] == "open" else next_close)(vector)


def previous_transition(vector: Vector) -> Reading:
    if vector["transition"] == "close":
        return previous_open(vector)
    calendar = compiled(vector)
    before = calendar.next_close(at(vector)) - 1
    return next(t for t in range(before, before - 86_400, -60) if not calendar.is_open(t - 60)) // 60 * 60, at(
        vector, "expected"
    )


def periods(vector: Vector) -> Reading:
    calendar, start, expected = (
        compiled(vector),
        at(vector),
        [[seconds(t) for t in pair] for pair in vector["expected"]],
    )
    spans: list[list[int]] = []
    while len(spans) < vector["count"]:
        if vector["kind"] == "periods_after":
            begin = calendar.next_open(spans[-1][1] if spans else start)
            spans.append([begin, calendar.next_close(begin)])
        else:
            end = calendar.first_at(calendar.level(spans[-1][0] if spans else start))
            opening = calendar.level(end)
            low = end
            while calendar.level(low - 60) == opening - (end - low) - 60:
                low -= 60
            spans.append([low, end])
    return spans, expected


def local(vector: Vector, calendar: Compiled) -> datetime:
    moment = datetime.fromisoformat(vector["start"])
    zone = calendar.calendar.zone
    return moment.astimezone(zone) if moment.tzinfo else moment.replace(tzinfo=zone)


def step(calendar: Compiled, day: date, count: int) -> date:
    """`count` open dates further, or back."""
    one_day = timedelta(days=1 if count > 0 else -1)
    for _ in range(abs(count)):
        day += one_day
        while not is_open_date(calendar, day):
            day += one_day
    return day


def expected_day(vector: Vector, moment: datetime) -> Reading:
    whole = "T" in vector["expected"]
    return (moment.isoformat(), vector["expected"]) if whole else (moment.date().isoformat(), vector["expected"])


def add_days_counting(vector: Vector) -> Reading:
    """moment: whole business days, the time of day stays."""
    calendar = compiled(vector)
    start = local(vector, calendar)
    return expected_day(vector, datetime.combine(step(calendar, start.date(), vector["add_days"]), start.timetz()))


def add_days_from_a_worked_day(vector: Vector) -> Reading:
    """working_hours: from a closed date first to the next (or previous) open one; nothing added changes nothing."""
    calendar = compiled(vector)
    start, count = local(vector, calendar), vector["add_days"]
    day = start.date()
    if count and not is_open_date(calendar, day):
        day = step(calendar, day, 1 if count > 0 else -1)
    return expected_day(vector, datetime.combine(step(calendar, day, count), start.timetz()))


def add_days_into_hours(vector: Vector) -> Reading:
    """biz: the same time so many open dates on, then into the next period, or back into the previous one."""
    calendar = compiled(vector)
    start, count = local(vector, calendar), vector["add_days"]
    moment = int(datetime.combine(step(calendar, start.date(), count), start.timetz()).timestamp())
    moved = calendar.next_open(moment) if count >= 0 else calendar.first_at(calendar.level(moment))
    return moved, at(vector, "expected")


def days_between(vector: Vector) -> Reading:
    """Open dates after the first up to and with the second, negative where reversed."""
    calendar = compiled(vector)
    first, last = (date.fromisoformat(vector[key]) for key in ("start", "end"))
    low, high = sorted((first, last))
    count = sum(is_open_date(calendar, low + timedelta(days=n)) for n in range(1, (high - low).days + 1))
    return count if first <= last else -count, vector["expected"]


def local_time(vector: Vector) -> Reading:
    day, clock = vector["start_local"].split("T")
    parts = [int(part) for part in clock.split(":")]
    return local_to_utc(
        ZoneInfo(vector["tz"]), date.fromisoformat(day).toordinal(), parts[0] * 3600 + parts[1] * 60 + parts[2]
    ), at(vector, "expected")


BIZ, RUBY, MOMENT = "Zendesk biz", "working_hours (Ruby)", "moment-business-time"
ZAMMAD, FRAPPE, DJANGO = "Zammad", "Frappe Helpdesk", "django-helpdesk"

Reader = Callable[[Vector], Reading]
ZERO = "biz: nothing added moves to the next open moment, nothing taken away to the previous one"
REVERSED = "biz: elapsed time is 0 where reversed"
NOMINAL = "working_hours: a day has as many hours as its wall clock shows"
CLOSING = "moment: the closing instant is open"
HELD = "Frappe: held time is given as seconds of work"
DAYS = "whole business days keep the time of day, each project in its own way"
BREAKS = "biz: a question about breaks alone"

# (source, kind): how many, read as ours, and the convention by which the rest is read
READERS: dict[tuple[str, str], tuple[int, Reader | None, str | None, Reader | None]] = {
    (BIZ, "add"): (5, add, ZERO, add_from_an_active_moment),
    (BIZ, "subtract"): (4, add, ZERO, add_from_an_active_moment),
    (BIZ, "elapsed"): (4, elapsed, REVERSED, elapsed_never_negative),
    (BIZ, "is_open"): (12, is_open, None, None),
    (BIZ, "on_break"): (4, None, BREAKS, on_break),
    (BIZ, "on_holiday"): (4, on_holiday, None, None),
    (BIZ, "periods_after"): (15, periods, None, None),
    (BIZ, "periods_before"): (14, periods, None, None),
    (BIZ, "add_days"): (10, None, DAYS, add_days_into_hours),
    (BIZ, "local_resolution"): (4, local_time, None, None),
    (RUBY, "add"): (11, add, None, None),
    (RUBY, "subtract"): (7, add, None, None),
    (RUBY, "elapsed"): (19, elapsed, NOMINAL, elapsed_nominal),
    (RUBY, "is_open"): (15, is_open, None, None),
    (RUBY, "next_open_or_now"): (19, next_open, None, None),
    (RUBY, "next_open_strict"): (10, next_open_after, None, None),
    (RUBY, "next_close"): (18, next_close, None, None),
    (RUBY, "prev_open_or_now"): (18, previous_open, None, None),
    (RUBY, "add_days"): (12, None, DAYS, add_days_from_a_worked_day),
    (RUBY, "business_days_between"): (5, days_between, None, None),
    (MOMENT, "add"): (30, add, None, None),
    (MOMENT, "subtract"): (19, add, None, None),
    (MOMENT, "elapsed"): (14, elapsed, None, None),
    (MOMENT, "is_open"): (11, is_open, CLOSING, is_open_or_closing),
    (MOMENT, "is_business_day"): (10, is_open_day, None, None),
    (MOMENT, "next_open_or_now"): (4, next_open, None, None),
    (MOMENT, "prev_open_or_now"): (4, previous_open, None, None),
    (MOMENT, "next_transition"): (4, next_transition, None, None),
    (MOMENT, "prev_transition"): (4, previous_transition, None, None),
    (MOMENT, "add_days"): (13, None, DAYS, add_days_counting),
    (ZAMMAD, "add"): (16, add, None, None),
    (ZAMMAD, "elapsed"): (2, elapsed, None, None),
    (ZAMMAD, "add_with_pauses"): (7, add, None, None),
    (ZAMMAD, "elapsed_with_pauses"): (2, elapsed, None, None),
    (FRAPPE, "add"): (16, add, None, None),
    (FRAPPE, "add_with_hold"): (2, None, HELD, add_with_hold),
    (FRAPPE, "add_with_pauses"): (1, add, None, None),
    (FRAPPE, "elapsed"): (1, elapsed, None, None),
    (FRAPPE, "elapsed_with_pauses"): (1, elapsed, None, None),
    (DJANGO, "elapsed"): (18, elapsed, None, None),
}


def family(vector: Vector) -> tuple[str, str]:
    return vector["source"], vector["kind"]


def read(vector: Vector) -> tuple[str, Reading]:
    """Return the convention by which a vector holds (`ours`, another, or `differs`) and the values compared."""
    _, plain, convention, mapped = READERS[family(vector)]
    reading = (None, "no reader")
    if plain is not None:
        reading = plain(vector)
        if reading[0] == reading[1]:
            return "ours", reading
    if convention is not None and mapped is not None:
        reading = mapped(vector)
        if reading[0] == reading[1]:
            return convention, reading
    return "differs", reading


def test_every_family_has_a_reader_and_the_expected_number_of_vectors() -> None:
    assert Counter(family(vector) for vector in vectors()) == {name: entry[0] for name, entry in READERS.items()}
    assert sum(entry[0] for entry in READERS.values()) == 389


@pytest.mark.parametrize("name", sorted(READERS), ids="-".join)
def test_the_vectors_of_a_family_hold(name: tuple[str, str]) -> None:
    differing = {}
    for vector in vectors():
        if family(vector) == name:
            how, reading = read(vector)
            if how == "differs":
                differing[vector["id"]] = (*reading, vector.get("name"))
    assert differing == {}


def test_the_number_of_vectors_per_convention() -> None:
    counts = Counter(read(vector)[0] for vector in vectors())
    assert counts == {
        "ours": 343, ZERO: 2, REVERSED: 1, NOMINAL: 1, CLOSING: 1, HELD: 2, DAYS: 35, BREAKS: 4,
    }  # fmt: skip
    assert counts.total() == 389
