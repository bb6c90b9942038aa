"""Explanations of promises: the date, its reason and its outcome, for handlers and for customers."""

from zoneinfo import ZoneInfo

from services.sla.calendar import Calendar
from services.sla.domain.history import cycles
from services.sla.domain.promise_status import PromiseStatus
from services.sla.domain.state import Promise
from services.sla.explain.format import (
    ExplainContext,
    Reader,
    calendar_name,
    cancellation_reason,
    format_time,
    select_zone,
)
from services.sla.policies import Rulebook

SUBJECTS = {"outcome": "an answer", "next_update": "our next message", "action": "the action we agreed"}
REOPENED = "It was cancelled when the complaint was opened again, before an answer had been told."
OUTCOMES = {
    "untold": "It was not told yet, so the customer has no promise yet.",
    "open": "It is still valid.",
    "kept_first": "It was kept as first told.",
    "kept_revised": "It was moved in time, and kept.",
    "broken": "It was missed.",
    "broken_then_kept": "It was missed; what was promised was done after it.",
}


def explain_promise(
    status: PromiseStatus, rulebook: Rulebook, reader: Reader = "handler", context: ExplainContext | None = None
) -> str:
    """Return the sentences about a promised date."""
    promise = status.promise
    calendar = rulebook.promise_calendar(promise.terms).calendar
    if reader == "customer":
        return _for_customers(status, select_zone(reader, calendar, context), context)
    told_at = f"told to the customer {format_time(status.told_at, calendar.zone)}" if status.told_at else "not told yet"
    outcome = "A later date replaced it."
    if status.is_last:
        outcome = OUTCOMES.get(status.outcome) or _cancellation(promise, context)
    about = f" for {_what(promise)}" if promise.item else ""
    made = f"{_made(status, rulebook, calendar)}{about}, within the hours of the calendar {calendar_name(calendar)}"
    return f"{made}; {told_at}. {outcome}"


def _what(promise: Promise) -> str:
    return SUBJECTS[promise.subject] + (f" ({promise.item})" if promise.item else "")


def _made(status: PromiseStatus, rulebook: Rulebook, calendar: Calendar) -> str:
    promise, terms = status.promise, status.promise.terms
    at = format_time(promise.made_at, calendar.zone)
    if promise.reason:
        return f"Moved on {at} by {promise.by} because of '{promise.reason}'"
    if promise.by == "law":
        return f"Made on {at}: the last opening hour before a regulator's final response is due"
    if promise.by != "policy":
        return f"Given on {at} by {promise.by}"
    buffer = rulebook.policy((terms.policy, terms.policy_version)).promise.buffer
    hours = f"{buffer.total_seconds() / 3600:g} h of opening time"
    return f"Made on {at}: the target of policy '{terms.policy}' plus {hours}"


def _for_customers(status: PromiseStatus, zone: ZoneInfo, context: ExplainContext | None) -> str:
    if status.told_at is None:
        return ""
    promise = status.promise
    due, told_at = format_time(promise.due_at, zone), format_time(status.told_at, zone)
    made = f"We promised you {_what(promise)} by {due}. We told you so on {told_at}."
    place = "This date replaced an earlier one." if promise.of else ""
    return " ".join(filter(None, (made, place, _outcome(status, zone, context))))


def _outcome(status: PromiseStatus, zone: ZoneInfo, context: ExplainContext | None) -> str:
    """Return the sentence about the outcome of this date, empty while it is open."""
    done = format_time(status.done_at, zone) if status.done_at else None
    if status.status == "kept":
        return f"We kept it: it was done on {done}."
    if status.replacement_lead is not None:
        later = format_time(status.promise.due_at - status.replacement_lead, zone)
        passed = "This date passed before we told you a later one, on" if status.status == "broken" else ""
        return f"{passed} {later}." if passed else f"This date is no longer valid: we told you a later one on {later}."
    if status.status == "broken":
        return f"We did not keep it: it was done on {done}, after that date." if done else "We have not kept it."
    return _cancellation(status.promise, context) if status.status == "cancelled" else ""


def _cancellation(promise: Promise, context: ExplainContext | None) -> str:
    cycle = cycles(context.state.moments)[promise.cycle - 1] if context else None
    if cycle and cycle.ending == "resolved" and promise.subject == "outcome":
        return REOPENED
    return cancellation_reason(context, cycle.ended_at if cycle else None)
