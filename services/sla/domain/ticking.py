"""Time passes: everything that it alone has reached fires, each once.

Of several warnings missed by one clock only the last is said, of a clock that is due only the breach: what came before
it is no news any more. The same holds for escalations that were missed together.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from services.sla.domain.clocks import Clock, PendingStep
from services.sla.domain.diff import named
from services.sla.domain.evaluation import Evaluation
from services.sla.domain.state import SlaState
from services.sla.policies import Rulebook
from shared.contracts.envelope import Fact
from shared.contracts.events import ClockEscalated, ClockWarned


class Reached(NamedTuple):
    """The state with time looked at, its ledger, and the rungs and notices to say."""

    state: SlaState
    book: Evaluation
    said: tuple[Fact, ...] = ()


def reach(state: SlaState, book: Evaluation, rulebook: Rulebook, now: datetime) -> Reached:
    """Look at time up to `now`. `book` is the ledger before; nothing but time is worked out anew."""
    looked = state.replace(reached_at=max(now, state.reached_at or now))
    book = book.at(looked, rulebook)
    reached = [(clock, steps) for clock in book.clocks if (steps := [one for one in clock.steps if one.at <= now])]
    ready = [notice for notice in book.notices if notice.at <= now]
    if not reached and not ready:
        return Reached(looked, book)
    marks = {f"{clock.key}:{step.name}" for clock, steps in reached for step in steps}
    marks.update(notice.mark for notice in ready)
    said = tuple(fact for clock, steps in reached for fact in _spoken(clock, steps[-1], now))
    after = looked.replace(fired=tuple(sorted({*state.fired, *marks})))
    return Reached(after, book.without(now), (*said, *(notice.fact for notice in ready)))


def _spoken(clock: Clock, last: PendingStep, now: datetime) -> Iterator[Fact]:
    """Of those missed together the last."""
    if clock.due_at is None:
        return
    if last.after:
        yield ClockEscalated(**named(clock), rung=last.name, to=last.to, late_by=now - clock.due_at)
    else:
        yield ClockWarned(**named(clock), rung=last.name, to=last.to)
