"""Calendars: opening hours in immutable versions, and exact arithmetic on opening time, to the second."""

from services.sla.calendar.compiled import Compiled
from services.sla.calendar.days import business_days_due, calendar_due, count_business_days, is_open_date
from services.sla.calendar.diff import have_same_hours
from services.sla.calendar.model import Calendar, Holiday, Opening, parse_calendar

__all__ = [
    "Calendar",
    "Compiled",
    "Holiday",
    "Opening",
    "business_days_due",
    "calendar_due",
    "count_business_days",
    "have_same_hours",
    "is_open_date",
    "parse_calendar",
]
