"""Compute which escalation steps and letters time would have reached over the whole life of a clock.

The back-test uses it for clocks that really ran and for clocks that would have run, so that both are counted alike.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from services.sla.domain.clocks import Clock
from services.sla.policies import EscalationStep
from services.sla.policies.deadlines import instant_of, seconds


class FiredStep(NamedTuple):
    """Step that was reached while the clock ran: an escalation `after` the due time, a warning before it."""

    at: datetime
    after: bool


def fired_steps(clock: Clock, now: datetime) -> Iterator[FiredStep]:
    """Yield every step that was reached before the clock ended, or by now."""
    end = seconds(_end(clock, now))
    due = clock.course.due(clock.pauses)
    for step in clock.spec.rule.rungs:
        after = step.after is not None
        for repeat in range(step.at_most):
            at = _reached(clock, step, repeat)
            if at <= end and (after or at <= due):
                yield FiredStep(instant_of(max(at, clock.course.start)), after)


def _end(clock: Clock, now: datetime) -> datetime:
    """Return the time until which the clock ran; a pause that lasts stopped it at its beginning."""
    pause = (since for since, until in clock.waits if until is None) if clock.phase == "paused" else ()
    return min(clock.ended_at or now, now, *pause)


def _reached(clock: Clock, step: EscalationStep, repeat: int) -> int:
    """Return the time of a step in seconds. A pause that began after the step was reached did not move it."""
    for number, (since, _) in enumerate(clock.pauses):
        at = clock.course.step_at(step, clock.pauses[:number], repeat)
        if at <= since:
            return at
    return clock.course.step_at(step, clock.pauses, repeat)


def fired_letters(clock: Clock, now: datetime) -> Iterator[str]:
    """Yield every letter of a regulator pack that fell due while the clock ran."""
    if clock.due_at is None:
        return
    end = min(clock.ended_at or now, now, clock.due_at)
    for letter in clock.spec.letters:
        at = instant_of(clock.course.before_due(letter.lead, seconds(clock.due_at)))
        if max(at, clock.started_at) <= end:
            yield f"{clock.spec.pack}/{letter.id}"
