"""Reference implementation: a calendar as a line of flags, counted one by one."""

from bisect import bisect_left, bisect_right
from datetime import date, datetime, time, timedelta
from itertools import accumulate

from services.sla.calendar import Calendar, Holiday
from services.sla.calendar.model import WEEKDAYS

SLOT, WINDOW = 300, 24  # seconds of one flag, days of one line


def utc(calendar: Calendar, day: date, seconds: int) -> int:
    local = datetime.combine(day, time(0)) + timedelta(seconds=seconds)
    return int(local.replace(tzinfo=calendar.zone).timestamp())


class Slots:
    """Calendar with one flag for each five minutes; all drawn boundaries are multiples of five minutes.

    Instants are seconds of UTC, or `per_second` times as fine.
    """

    def __init__(self, calendar: Calendar, first: date, per_second: int = 1) -> None:
        self.calendar, self.per_second, self.slot = calendar, per_second, SLOT * per_second
        self.start = self.instant(first, 0)
        self.end = self.instant(first + timedelta(days=WINDOW), 0)
        self.flags = bytearray((self.end - self.start) // self.slot)
        dates = [first + timedelta(days=n) for n in range(-3, WINDOW + 1)]
        for day in dates:
            if all(self.cuts(holiday) and not holiday.hours for holiday in self.holiday(day)):
                self.paint(day, calendar.weekly_hours.get(WEEKDAYS[day.weekday()], ()))
        for day in dates:
            if any(self.cuts(holiday) for holiday in self.holiday(day)):
                self.fill(self.instant(day, 0), self.instant(day + timedelta(days=1), 0), b"\0")
        for day in dates:
            for holiday in self.holiday(day):
                self.paint(day, holiday.hours)
            for opening in calendar.extra_openings:
                self.paint(day, opening.hours if opening.on == day else ())
        self.count()

    def count(self) -> None:
        self.counted = [0, *accumulate(self.flags)]

    def instant(self, day: date, seconds: int) -> int:
        return utc(self.calendar, day, seconds) * self.per_second

    def holiday(self, day: date) -> list:
        """Return the holiday of a date as a list; a dated one has priority over a yearly one."""
        for on in (f"{day:%Y-%m-%d}", f"*{day:-%m-%d}"):
            if holidays := [holiday for holiday in self.calendar.holidays if holiday.on == on]:
                return holidays
        return []

    def cuts(self, holiday: Holiday) -> bool:
        return (holiday.rule or self.calendar.holiday_rule) == "civil_day"

    def paint(self, day: date, spans: tuple[tuple[int, int], ...]) -> None:
        for start, end in spans:
            self.fill(self.instant(day, start), self.instant(day, end), b"\1")

    def fill(self, start: int, end: int, flag: bytes) -> None:
        low, high = (min(max((at - self.start) // self.slot, 0), len(self.flags)) for at in (start, end))
        self.flags[low:high] = flag * max(high - low, 0)

    def level(self, at: int) -> int:
        slot, rest = divmod(at - self.start, self.slot)
        return self.counted[slot] * self.slot + (rest if self.flags[slot] else 0)

    def is_open(self, at: int) -> bool:
        return bool(self.flags[(at - self.start) // self.slot])

    def add(self, at: int, amount: int) -> int | None:
        """Return the earliest instant with so much open time since; None if it lies after the window."""
        slots, rest = divmod(self.level(at) + amount, self.slot)
        if slots > self.counted[-1] or (rest and slots == self.counted[-1]):
            return None
        slot = bisect_right(self.counted, slots) - 1 if rest else bisect_left(self.counted, slots)
        return self.start + slot * self.slot + rest

    def subtract(self, at: int, amount: int) -> int | None:
        """Return the latest such instant before; None if it lies before the window."""
        slots, rest = divmod(self.level(at) - amount, self.slot)
        if slots < 0:
            return None
        slot = bisect_right(self.counted, slots) - 1
        return self.start + slot * self.slot + rest
