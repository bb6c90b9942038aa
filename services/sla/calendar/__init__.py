"""When we are open, and arithmetic on it: immutable versioned calendars, compiled once, exact to the second."""

from services.sla.calendar.compiled import Compiled
from services.sla.calendar.days import business_days_due, calendar_due, counted_dates, is_open_date
from services.sla.calendar.diff import alike
from services.sla.calendar.model import Calendar, Holiday, Opening, calendar_from, calendar_of

__all__ = [
    "Calendar",
    "Compiled",
    "Holiday",
    "Opening",
    "alike",
    "business_days_due",
    "calendar_due",
    "calendar_from",
    "calendar_of",
    "counted_dates",
    "is_open_date",
]
