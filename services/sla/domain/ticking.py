"""Time passes: everything that it alone has reached fires, each once.

Of several warnings missed by one clock only the last is said, of a clock that is due only the breach: what came before
it is no news any more. The same holds for escalations that were missed together.
"""

from collections.abc import Iterator
from datetime import datetime

from services.sla.domain.clocks import Clock, Step
from services.sla.domain.ledger import Ledger
from services.sla.domain.sayings import named
from services.sla.domain.state import Complaint
from shared.contracts.envelope import Fact
from shared.contracts.events import ClockEscalated, ClockWarned


def reach(state: Complaint, book: Ledger, now: datetime) -> tuple[Complaint, tuple[Fact, ...]]:
    """The state with time looked at up to `now`, and the rungs and notices to say."""
    reached = [(clock, [step for step in clock.steps if step.at <= now]) for clock in book.clocks if clock.steps]
    ready = [notice for notice in book.notices if notice.at <= now]
    marks = {f"{clock.key}:{step.name}" for clock, steps in reached for step in steps}
    marks.update(notice.mark for notice in ready)
    said = [fact for clock, steps in reached for fact in _spoken(clock, steps, now)]
    fired = tuple(sorted({*state.fired, *marks})) if marks else state.fired
    looked_at = max(now, state.reached_at or now)
    return state.but(fired=fired, reached_at=looked_at), (*said, *(notice.fact for notice in ready))


def _spoken(clock: Clock, steps: list[Step], now: datetime) -> Iterator[Fact]:
    if clock.due_at is None or not steps:
        return
    before, after = ([step for step in steps if step.after is side] for side in (False, True))
    if before and now <= clock.due_at:
        yield ClockWarned(**named(clock), rung=before[-1].name, to=before[-1].to)
    if after:
        yield ClockEscalated(**named(clock), rung=after[-1].name, to=after[-1].to, late_by=now - clock.due_at)
