"""Clock of a policy or of a regulator's pack: its goal, and its escalation steps (warnings and escalations)."""

from datetime import timedelta
from functools import cached_property
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from services.sla.calendar.document import DocumentModel
from services.sla.policies.goal import Budget, Goal, iso_duration
from shared.contracts.events import ClockKind, Obligation

Wait = Literal["customer", "third_party"]
Reopening = Literal["continue", "new_cycle"]
Addressee = Literal["handler", "lead", "head", "office"]
REPEATS_MAX = 20  # a step without a limit would send messages for ever


class EscalationStep(DocumentModel):
    """Warning or escalation of a clock, at one place relative to its due time.

    The place is `percent` of the goal, a duration `before` the due time, or a duration `after` it; the last can repeat
    after `every` further duration, `at_most` times in total. `counted` is the unit of these durations: opening time or
    wall time. With `open_hours` a step outside opening hours waits for the next opening. `to` is the addressee.
    """

    percent: Annotated[int, Field(ge=1, le=99)] | None = None
    before: Budget | None = None
    after: Budget | None = None
    every: Budget | None = None
    at_most: Annotated[int, Field(ge=1, le=REPEATS_MAX)] = 1
    counted: Literal["business", "wall"] = "business"
    open_hours: bool = False
    to: Addressee | None = None

    @model_validator(mode="before")
    @classmethod
    def _accept_bare_percent(cls, value: Any) -> Any:
        return {"percent": value} if isinstance(value, int) else value

    @model_validator(mode="after")
    def _require_one_place(self) -> Self:
        places = [name for name in ("percent", "before", "after") if getattr(self, name) is not None]
        if len(places) != 1:
            raise ValueError(f"expected exactly one of percent, before, after, got {places or 'none'}")
        if (self.every is not None or self.at_most > 1) and (self.after is None or self.every is None):
            raise ValueError("every and at_most: expected together with after; only a step after the due time repeats")
        return self

    @property
    def name(self) -> str:
        """Name in events and stored states: `75%`, `-PT30M`, `+PT4H`."""
        if self.percent is not None:
            return f"{self.percent}%"
        return f"-{iso_duration(self.before)}" if self.before else f"+{iso_duration(self.after or timedelta())}"

    @property
    def sort_key(self) -> tuple[int, float]:
        """Position in the order of steps: percentages, then durations before the due time, then those after it."""
        if self.percent is not None:
            return 0, self.percent
        return (1, -self.before.total_seconds()) if self.before else (2, (self.after or timedelta()).total_seconds())

    @property
    def addressee(self) -> str:
        """Role that should act: `to` if present, else the handler before the due time and the lead after it."""
        return self.to or ("lead" if self.after else "handler")


class ClockRule(DocumentModel):
    """Clock of a policy or pack. Absent fields have the values of its kind (`services/sla/domain/clock_types.py`).

    `pauses` are the waits during which it pauses; a regulatory clock never pauses. `reopen` is the effect of a
    reopening: continue the same clock, or start one for the new cycle. `start` replaces the event that starts the
    clock, `calendar` the calendar of the policy or pack. `rungs` are the escalation steps.
    """

    kind: ClockKind
    goal: Goal
    obligation: Obligation | None = None
    owner: Literal["org", "team", "supplier"] | None = None
    pauses: tuple[Wait, ...] | None = None
    reopen: Reopening | None = None
    start: Literal["received", "acknowledged", "assigned"] | None = None
    calendar: str | None = None
    rungs: tuple[EscalationStep, ...] = ()

    @model_validator(mode="after")
    def _check(self) -> Self:
        names = [step.name for step in self.rungs]
        if len(set(names)) != len(names):
            raise ValueError(f"rungs: expected each place once, got {names}")
        if self.obligation == "regulatory" and self.pauses:
            raise ValueError("pauses: expected none; a regulatory clock never pauses")
        return self

    @cached_property
    def steps(self) -> tuple[EscalationStep, ...]:
        """Escalation steps in the order in which they are reached. Cached: each computed clock needs them."""
        return tuple(sorted(self.rungs, key=lambda step: step.sort_key))
