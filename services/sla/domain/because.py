"""Why a date is what it is, in plain sentences: for handlers to read out, and for customers to read themselves.

Customers are told promises and what a regulator's rule gives them; our own targets are nobody's business but ours.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Literal

from services.sla.calendar import Calendar
from services.sla.calendar.clocktime import text_of
from services.sla.domain.clocks import Clock
from services.sla.domain.goals import instant_of, seconds
from services.sla.domain.kinds import KINDS
from services.sla.domain.promises import Pledge
from services.sla.policies import Rulebook
from services.sla.policies.goal import spoken_span
from services.sla.policies.pack import Pack

Reader = Literal["handler", "customer"]
DAYS = ("business_days", "calendar_days", "calendar_weeks", "calendar_months")
SINCE = {
    "received": "when your complaint reached us",
    "acknowledged": "when we acknowledged it",
    "assigned": "when somebody took it on",
    "customer_wrote": "when you wrote to us",
    "stage2_requested": "when you asked for the second stage",
    "action_agreed": "when it was agreed",
    "ombudsman_asked": "when the ombudsman asked us",
}
SUBJECTS = {"outcome": "an answer", "next_update": "our next message", "action": "the action we agreed"}
FATES = {
    "untold": "It was not told yet, so nobody was promised anything.",
    "open": "It stands.",
    "kept_first": "It was kept as first told.",
    "kept_revised": "It was moved in time, and kept.",
    "broken": "It was missed.",
    "broken_then_kept": "It was missed; what was promised was done after it.",
    "cancelled": "It fell away before it was due.",
}


def because_clock(clock: Clock, rulebook: Rulebook, reader: Reader = "handler") -> str:
    """The sentences behind a clock: goal, policy and calendar by version, and every pause and holiday that counted."""
    calendar = clock.charge.compiled.calendar
    if reader == "customer":
        return " ".join(_for_customers(clock, calendar))
    return " ".join([*_rule(clock, calendar), *_moves(clock, rulebook), *_counted(clock, calendar), *_state(clock)])


def _rule(clock: Clock, calendar: Calendar) -> Iterator[str]:
    charge, under = clock.charge, clock.under
    goal = clock.goal
    where = " by the clock on the wall" if goal.unit == "wall" else f" on the calendar {_named(calendar)}"
    about = f" ({clock.item})" if clock.item else ""
    source = charge.source
    rule = (
        f"the rules of {source.name} ({source.id} version {source.version}) apply"
        if isinstance(source, Pack)
        else f"policy '{source.id}' version {source.version} applies"
    )
    yield (
        f"{KINDS[clock.kind].says}{about} is due within {goal.words}{'' if goal.unit == 'at' else where}, "
        f"counted from {spoken(clock.started_at, calendar)}, because {rule}"
        + (" as long as triage has not spoken." if clock.provisional else ".")
    )
    if isinstance(source, Pack) and source.sources:
        first = source.sources[0]
        yield f"Source: {first.title}{', ' + first.paragraph if first.paragraph else ''}."
    if under.why == "triage" and clock.cycle == 1:
        yield f"It came under it when triage had read the complaint, {spoken(under.at, calendar)}."


def _moves(clock: Clock, rulebook: Rulebook) -> Iterator[str]:
    under = clock.under
    revision = rulebook.revisions.get(under.terms.revision)
    if under.why == "rebase" and revision is not None:
        kept = "what was left of it" if under.mode == "rebase_remaining" else "everything that had counted before"
        reason = f", because of '{revision.reason}'" if revision.reason else ""
        at = spoken(under.at, clock.charge.compiled.calendar)
        yield f"Revision {revision.number} of the rulebook moved it {at}{reason}, keeping {kept}."


def _counted(clock: Clock, calendar: Calendar) -> Iterator[str]:
    for since, until in clock.pauses:
        span = f"from {spoken(instant_of(since), calendar)} to {spoken(instant_of(until), calendar)}"
        counts = "whole days of that do not count" if clock.goal.unit in DAYS else "that time does not count"
        yield f"It stood still {span}; {counts}."
    if clock.goal.unit in ("business", "business_days") and clock.due_at is not None:
        yield from _closures(calendar, clock.started_at, clock.due_at)
    if clock.phase == "paused":
        yield "It stands still while somebody else is awaited."
    elif clock.due_at is not None:
        yield f"So it {'was' if clock.ended_at else 'is'} due {spoken(clock.due_at, calendar)}."


def _state(clock: Clock) -> Iterator[str]:
    if clock.breached and clock.due_at is not None and clock.ended_at is not None:
        late = spoken_span(clock.ended_at - clock.due_at)
        opening = spoken_span_of(clock.course.compiled.elapsed(seconds(clock.due_at), seconds(clock.ended_at)))
        yield f"It was missed by {late} ({opening} of opening time)."
    elif clock.breached:
        yield "It was missed."
    if clock.phase == "cancelled":
        yield "It fell away with the complaint."


def spoken_span_of(whole: int) -> str:
    """So many seconds as a person says them."""
    return spoken_span(instant_of(max(whole, 0)) - instant_of(0))


def _for_customers(clock: Clock, calendar: Calendar) -> Iterator[str]:
    if clock.obligation != "regulatory" or clock.due_at is None:
        return
    start: str = clock.charge.rule.start or min(KINDS[clock.kind].starts)
    since = SINCE.get(start, "when this began")
    yield (
        f"Under the rules that apply to us ({clock.charge.source.name}), {KINDS[clock.kind].says.lower()} "
        f"{'was' if clock.ended_at else 'is'} due by {spoken(clock.due_at, calendar)}: {clock.goal.words} from "
        f"{spoken(clock.started_at, calendar)}, {since}."
    )
    if clock.goal.unit in ("business", "business_days"):
        yield from _closures(calendar, clock.started_at, clock.due_at)
    if clock.breached:
        yield "We missed it."
    elif clock.phase == "stopped" and clock.ended_at is not None:
        yield f"It was done on {spoken(clock.ended_at, calendar)}."


def because_promise(pledge: Pledge, rulebook: Rulebook, reader: Reader = "handler") -> str:
    """The sentences behind a promised date."""
    promise, terms = pledge.promise, pledge.promise.terms
    calendar = rulebook.promise_calendar(terms).calendar
    what = SUBJECTS[promise.subject]
    if reader == "customer":
        if pledge.told_at is None:
            return ""
        moved = " We moved this date and told you why." if promise.reason else ""
        due, told = spoken(promise.due_at, calendar), spoken(pledge.told_at, calendar)
        return f"We promised you {what} by {due}. We told you so on {told}.{moved}"
    told_at = f"told to the customer {spoken(pledge.told_at, calendar)}" if pledge.told_at else "not told yet"
    fate = FATES[pledge.outcome] if pledge.is_last else "A later date took its place."
    return (
        f"{_made(pledge, rulebook, calendar)}, within the hours of the calendar {_named(calendar)}; {told_at}. {fate}"
    )


def _made(pledge: Pledge, rulebook: Rulebook, calendar: Calendar) -> str:
    promise, terms = pledge.promise, pledge.promise.terms
    at = spoken(promise.made_at, calendar)
    if promise.reason:
        return f"Moved on {at} by {promise.by} because of '{promise.reason}'"
    if promise.by != "policy":
        return f"Given on {at} by {promise.by}"
    buffer = rulebook.policy((terms.policy, terms.policy_version)).promise.buffer
    hours = f"{buffer.total_seconds() / 3600:g} h of opening time"
    return f"Made on {at}: the target of policy '{terms.policy}' plus {hours}"


def spoken(at: datetime, calendar: Calendar) -> str:
    """An instant as people of that calendar say it."""
    local = at.astimezone(calendar.zone)
    return f"{local:%A} {local.day} {local:%B %Y %H:%M} ({calendar.tz})"


def _named(calendar: Calendar) -> str:
    return f"'{calendar.name or calendar.id}' version {calendar.version}"


def _closures(calendar: Calendar, start: datetime, end: datetime) -> Iterator[str]:
    first, last = (at.astimezone(calendar.zone).toordinal() for at in (start, end))
    for ordinal in range(first, min(last, first + 400) + 1):
        holiday = calendar.holiday_on(ordinal)
        if holiday and (calendar.weekly_on(ordinal) or holiday.hours):
            day = datetime.fromordinal(ordinal)
            hours = ", ".join(f"{text_of(begin)}-{text_of(finish)}" for begin, finish in holiday.hours)
            yield f"{day.day} {day:%B} ({holiday.name or 'holiday'}) is {f'open {hours}' if hours else 'closed'}."
