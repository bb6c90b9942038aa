"""What was promised, why then, and what became of it: for handlers by policy and calendar, for customers plainly."""

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
REOPENED = "It fell away when the complaint was opened again, before an answer had been told."
FATES = {
    "untold": "It was not told yet, so nobody was promised anything.",
    "open": "It stands.",
    "kept_first": "It was kept as first told.",
    "kept_revised": "It was moved in time, and kept.",
    "broken": "It was missed.",
    "broken_then_kept": "It was missed; what was promised was done after it.",
}


def explain_promise(
    pledge: PromiseStatus, rulebook: Rulebook, reader: Reader = "handler", look: ExplainContext | None = None
) -> str:
    """The sentences behind a promised date."""
    promise = pledge.promise
    calendar = rulebook.promise_calendar(promise.terms).calendar
    if reader == "customer":
        return _for_customers(pledge, select_zone(reader, calendar, look), look)
    told_at = f"told to the customer {format_time(pledge.told_at, calendar.zone)}" if pledge.told_at else "not told yet"
    fate = (FATES.get(pledge.outcome) or _fell(promise, look)) if pledge.is_last else "A later date took its place."
    about = f" for {_what(promise)}" if promise.item else ""
    return (
        f"{_made(pledge, rulebook, calendar)}{about}, within the hours of the calendar {calendar_name(calendar)}; "
        f"{told_at}. {fate}"
    )


def _what(promise: Promise) -> str:
    return SUBJECTS[promise.subject] + (f" ({promise.item})" if promise.item else "")


def _made(pledge: PromiseStatus, rulebook: Rulebook, calendar: Calendar) -> str:
    promise, terms = pledge.promise, pledge.promise.terms
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


def _for_customers(pledge: PromiseStatus, zone: ZoneInfo, look: ExplainContext | None) -> str:
    if pledge.told_at is None:
        return ""
    promise = pledge.promise
    due, told = format_time(promise.due_at, zone), format_time(pledge.told_at, zone)
    place = "This date took the place of an earlier one." if promise.of else ""
    said = (f"We promised you {_what(promise)} by {due}. We told you so on {told}.", place, _fate(pledge, zone, look))
    return " ".join(sentence for sentence in said if sentence)


def _fate(pledge: PromiseStatus, zone: ZoneInfo, look: ExplainContext | None) -> str:
    """What became of this date; empty while it stands."""
    done = format_time(pledge.done_at, zone) if pledge.done_at else None
    if pledge.status == "kept":
        return f"We kept it: it was done on {done}."
    if pledge.notice_lead is not None:
        later = format_time(pledge.promise.due_at - pledge.notice_lead, zone)
        passed = "This date passed before we told you a later one, on" if pledge.status == "broken" else ""
        return f"{passed} {later}." if passed else f"This date no longer stands: we told you a later one on {later}."
    if pledge.status == "broken":
        return f"We did not keep it: it was done on {done}, after that date." if done else "We have not kept it."
    return _fell(pledge.promise, look) if pledge.status == "cancelled" else ""


def _fell(promise: Promise, look: ExplainContext | None) -> str:
    cycle = cycles(look.state.moments)[promise.cycle - 1] if look else None
    if cycle and cycle.ending == "resolved" and promise.subject == "outcome":
        return REOPENED
    return cancellation_reason(look, cycle.ended_at if cycle else None)
