"""When rungs and letters of a clock fell over its whole life, ended or not: the same sum for what was and would be."""

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from services.sla.domain.clocks import Clock
from services.sla.policies import EscalationStep
from services.sla.policies.deadlines import instant_of, seconds


class FiredStep(NamedTuple):
    """A rung that was reached while the clock ran; `after` its due time it is an escalation, before it a warning."""

    at: datetime
    after: bool


def rang(clock: Clock, now: datetime) -> Iterator[FiredStep]:
    """Every rung that time reached before the clock ended, or by now."""
    end = seconds(_end(clock, now))
    due = clock.course.due(clock.pauses)
    for rung in clock.charge.rule.rungs:
        after = rung.after is not None
        for repeat in range(rung.at_most):
            at = _reached(clock, rung, repeat)
            if at <= end and (after or at <= due):
                yield FiredStep(instant_of(max(at, clock.course.start)), after)


def _end(clock: Clock, now: datetime) -> datetime:
    """It stood still from the beginning of a pause that lasts."""
    still = (since for since, until in clock.waits if until is None) if clock.phase == "paused" else ()
    return min(clock.ended_at or now, now, *still)


def _reached(clock: Clock, rung: EscalationStep, repeat: int) -> int:
    """A pause that began after the rung was reached did not move it."""
    for number, (since, _) in enumerate(clock.pauses):
        at = clock.course.step_at(rung, clock.pauses[:number], repeat)
        if at <= since:
            return at
    return clock.course.step_at(rung, clock.pauses, repeat)


def wrote(clock: Clock, now: datetime) -> Iterator[str]:
    """Every letter of a regulator's pack that had to go out while the clock ran."""
    if clock.due_at is None:
        return
    end = min(clock.ended_at or now, now, clock.due_at)
    for letter in clock.charge.letters:
        at = instant_of(clock.course.before_due(letter.lead, seconds(clock.due_at)))
        if max(at, clock.started_at) <= end:
            yield f"{clock.charge.pack}/{letter.id}"
