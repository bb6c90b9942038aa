"""The heart of sla: facts in, dates and warnings out. What is said is the difference between two ledgers."""

from datetime import datetime
from typing import Any

from services.sla.domain.clocks import Clock, mark
from services.sla.domain.context import SlaContext
from services.sla.domain.hear import hear
from services.sla.domain.ledger import difference, ledger
from services.sla.domain.promises import promise_mark, settle_promises, settle_terms
from services.sla.domain.state import Complaint
from shared.contracts.envelope import Event, Say
from shared.contracts.events import ClockWarned
from shared.runner.decision import Command, Decision, Input, Tick


def decide(state: Complaint | None, given: Input, context: SlaContext) -> Decision[Complaint, SlaContext]:
    """Fold one event, or let time pass. Absorbs what is late or repeated; raises nothing."""
    if isinstance(given, Tick):
        return _ticked(state, given.now, context) if state else Decision(state)
    if isinstance(given, Command):
        return Decision(state)
    return _heard(state, given, context)


def _heard(state: Complaint | None, event: Event[Any], context: SlaContext) -> Decision[Complaint, SlaContext]:
    known = state or Complaint(complaint_id=event.subject)
    heard = hear(known, event)
    if heard is known:
        return Decision(state)
    settled = settle_promises(settle_terms(heard, context.rulebook), context.rulebook)
    return _decided(state, settled, context, ())


def _ticked(state: Complaint, now: datetime, context: SlaContext) -> Decision[Complaint, SlaContext]:
    """Everything that time alone has reached fires once.

    Of several warnings missed by one clock only the last is said, of a clock that is due only the breach: what came
    before it is no news any more.
    """
    book = ledger(state, context.rulebook)
    due = [clock for clock in book.clocks if clock.next_at and clock.next_at <= now]
    fired = {promise_mark(one.promise.number) for one in book.pledges if one.next_at and one.next_at <= now}
    fired.update(name for clock in due for name in _reached(clock, now))
    warned: tuple[Say[Any], ...] = tuple(Say(facts=fact) for clock in due for fact in _warnings(clock, now))
    ticked = state.but(fired=tuple(sorted({*state.fired, *fired})))
    return _decided(state, ticked, context, warned)


def _reached(clock: Clock, now: datetime) -> list[str]:
    rungs = [mark(clock.kind, clock.cycle, rung.percent) for rung in clock.rungs if rung.at <= now]
    is_late = clock.due_at is not None and now > clock.due_at
    return [*rungs, mark(clock.kind, clock.cycle, "breach")] if is_late else rungs


def _warnings(clock: Clock, now: datetime) -> list[ClockWarned]:
    percent = max((rung.percent for rung in clock.rungs if rung.at <= now), default=None)
    if percent is None or clock.due_at is None or now > clock.due_at:
        return []
    return [ClockWarned(clock=clock.kind, cycle=clock.cycle, percent=percent, due_at=clock.due_at)]


def _decided(
    before: Complaint | None, after: Complaint, context: SlaContext, says: tuple[Say[Any], ...]
) -> Decision[Complaint, SlaContext]:
    book = ledger(after, context.rulebook)
    said = difference(ledger(before, context.rulebook), book, context.now)
    return Decision(after.but(due_at=book.next_at), (*says, *said))
