"""One clock that a policy or a regulator's pack asks for: its goal, and the ladder of warnings and escalations."""

from datetime import timedelta
from functools import cached_property
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from services.sla.policies.goal import Budget, DocumentModel, Goal, iso_span
from shared.contracts.events import ClockKind, Obligation

Wait = Literal["customer", "third_party"]
Reopening = Literal["continue", "new_cycle"]
Addressee = Literal["handler", "lead", "head", "office"]
REPEATS_MAX = 20  # a rung that goes on for ever is a mail storm


class EscalationStep(DocumentModel):
    """One step of a ladder: `percent` of the way, `before` the due time, or `after` it, repeated `every` so long.

    `counted` says whether before and after are opening time or by the clock on the wall. With `open_hours` a rung that
    falls outside opening hours waits for the next opening. `to` is who should act on it.
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
    def _short(cls, value: Any) -> Any:
        return {"percent": value} if isinstance(value, int) else value

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        given = [name for name in ("percent", "before", "after") if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"expected exactly one of percent, before, after, got {given or 'none'}")
        if (self.every is not None or self.at_most > 1) and (self.after is None or self.every is None):
            raise ValueError("only a rung after the due time repeats: write after, every and at_most")
        return self

    @property
    def name(self) -> str:
        """What it is called in events and ledgers: `75%`, `-PT30M`, `+PT4H`."""
        if self.percent is not None:
            return f"{self.percent}%"
        return f"-{iso_span(self.before)}" if self.before else f"+{iso_span(self.after or timedelta())}"

    @property
    def height(self) -> tuple[int, float]:
        """For the order of a ladder: percents, then what comes before the due time, then what comes after it."""
        if self.percent is not None:
            return 0, self.percent
        return (1, -self.before.total_seconds()) if self.before else (2, (self.after or timedelta()).total_seconds())

    @property
    def addressee(self) -> str:
        """Who should act: the handler before the due time, the lead after it, where nothing else is written."""
        return self.to or ("lead" if self.after else "handler")


class ClockRule(DocumentModel):
    """One clock. What is left out comes from its kind's preset (`services/sla/domain/clock_types.py`).

    `pauses` are the waits in which it stands still; a regulator's clock never has any. `reopen` says what a reopening
    does: go on with the same clock, or begin a new cycle. `start` replaces the event it starts with, `calendar` the
    calendar of its policy.
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
        names = [rung.name for rung in self.rungs]
        if len(set(names)) != len(names):
            raise ValueError(f"rungs: expected each place once, got {names}")
        if self.obligation == "regulatory" and self.pauses:
            raise ValueError("a regulatory clock never pauses; leave pauses out")
        return self

    @cached_property
    def ladder(self) -> tuple[EscalationStep, ...]:
        """The rungs from the lowest to the highest, whatever order they are written in."""
        return tuple(sorted(self.rungs, key=lambda rung: rung.height))

    # One rule is one thing: what a clock came to is remembered by it, and comparing field by field would cost more.
    __hash__ = object.__hash__

    def __eq__(self, other: object) -> bool:
        return self is other
