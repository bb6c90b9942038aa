"""Regulator packs: clocks and letters that a rule outside the house asks for, as data with its source and golden dates.

Day counts come from the cited texts; `verified` stays "no" until a lawyer has checked them. Several packs may apply to
one complaint, and each keeps its own clocks: the tightest date is shown first, none replaces another.
"""

from collections.abc import Iterator
from datetime import date
from typing import Literal, Self

from pydantic import AwareDatetime, Field, field_validator, model_validator

from services.sla.policies.goal import DocumentModel, Goal
from services.sla.policies.model import ExtensionRule, When
from services.sla.policies.rule import ClockRule
from shared.contracts.events import ClockKind


class RuleSource(DocumentModel):
    """Where a rule stands; `clocks`: of which clocks, where a pack has several sources that are not about all."""

    title: str = Field(min_length=1)
    url: str | None = None
    paragraph: str | None = None
    clocks: tuple[ClockKind, ...] = ()


class LetterRule(DocumentModel):
    """A letter that must go out before the due time of `clock` while it runs, with `lead` time to write it.

    `lead` is counted like a goal, backwards: business time or business days of the pack's calendar, or calendar days.
    `reasons` are codes of what it must explain.
    """

    id: str = Field(min_length=1)
    clock: ClockKind
    lead: Goal
    reasons: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _countable(self) -> Self:
        if self.lead.unit in ("at", "calendar_months"):
            raise ValueError("lead: expected wall, business, business_days, calendar_days or calendar_weeks")
        return self


class ClockExtension(ExtensionRule):
    """How much longer than its due time `clock` may take, once `letter` told why and until when; not without it."""

    clock: ClockKind
    letter: str


class Golden(DocumentModel):
    """A date somebody worked out by hand: started then, this clock is due at that moment. Checked at every start.

    `letters` and `rungs` say by id and by name when those are due, `latest` how far the extension reaches.
    """

    clock: ClockKind
    start: AwareDatetime
    due: AwareDatetime
    why: str = Field(min_length=1)
    letters: dict[str, AwareDatetime] = Field(default_factory=dict)
    rungs: dict[str, AwareDatetime] = Field(default_factory=dict)
    latest: AwareDatetime | None = None

    @property
    def names(self) -> Iterator[str]:
        """What else than its clock it speaks of."""
        yield from (f"letter {name!r}" for name in self.letters)
        yield from (f"rung {name!r}" for name in self.rungs)
        if self.latest:
            yield "extension"


class Pack(DocumentModel):
    """One regulator's clocks, versioned and dated."""

    id: str = Field(min_length=1, pattern=r"^[a-z0-9-]+$")
    version: int = Field(ge=1)
    name: str
    jurisdiction: str
    sources: tuple[RuleSource, ...] = Field(min_length=1)
    effective_from: date
    effective_until: date | None = None
    verified: Literal["no", "yes"] = "no"
    verified_by: str = ""
    notes: str = ""
    calendar: str
    when: When = When()
    clocks: tuple[ClockRule, ...] = Field(min_length=1)
    letters: tuple[LetterRule, ...] = ()
    extensions: tuple[ClockExtension, ...] = ()
    golden: tuple[Golden, ...] = Field(min_length=1)

    @field_validator("clocks")
    @classmethod
    def _owed(cls, clocks: tuple[ClockRule, ...]) -> tuple[ClockRule, ...]:
        """What a pack asks for is owed to a regulator, whatever its kind is elsewhere."""
        for rule in clocks:
            if rule.obligation not in (None, "regulatory"):
                raise ValueError(
                    f"{rule.kind}: a pack's clocks are regulatory; a {rule.obligation} belongs into a policy"
                )
            if rule.pauses:
                raise ValueError(f"{rule.kind}: a regulatory clock never pauses; leave pauses out")
        return tuple(rule.model_copy(update={"obligation": "regulatory"}) for rule in clocks)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.effective_until is not None and self.effective_until < self.effective_from:
            raise ValueError("effective_until: expected no day before effective_from")
        if self.verified == "yes" and not self.verified_by:
            raise ValueError("verified_by: expected who checked it, and when")
        listed: dict[str, list[str]] = {
            "clocks": [rule.kind for rule in self.clocks],
            "letters": [one.id for one in self.letters],
            "extensions": [one.clock for one in self.extensions],
        }
        for field, names in listed.items():
            twice = next((name for name in names if names.count(name) > 1), None)
            if twice:
                raise ValueError(f"{field}: {twice} is listed twice")
        return self

    @model_validator(mode="after")
    def _known(self) -> Self:
        kinds = [rule.kind for rule in self.clocks]
        clocks = [one.clock for one in self.letters] + [one.clock for one in self.extensions]
        clocks += [kind for one in self.sources for kind in one.clocks]
        other = next((kind for kind in [*clocks, *(one.clock for one in self.golden)] if kind not in kinds), None)
        if other:
            raise ValueError(f"expected one of the pack's clocks {kinds}, got {other!r}")
        known = {(one.clock, f"letter {one.id!r}") for one in self.letters}
        known |= {(rule.kind, f"rung {rung.name!r}") for rule in self.clocks for rung in rule.rungs}
        known |= {(one.clock, "extension") for one in self.extensions}
        named = [(one.clock, f"letter {one.letter!r}") for one in self.extensions]
        named += [(one.clock, name) for one in self.golden for name in one.names]
        unknown = next((one for one in named if one not in known), None)
        if unknown:
            raise ValueError(f"{unknown[0]} has no {unknown[1]}")
        return self

    def rule(self, kind: ClockKind) -> ClockRule:
        """Its clock of that kind."""
        return next(rule for rule in self.clocks if rule.kind == kind)

    def source_of(self, kind: ClockKind) -> RuleSource:
        """Where the rule behind that clock stands: the source that names it, else the first."""
        return next((one for one in self.sources if kind in one.clocks), self.sources[0])

    def extension_of(self, kind: ClockKind) -> ClockExtension | None:
        """How much longer that clock may take, if the rule knows an extension at all."""
        return next((one for one in self.extensions if one.clock == kind), None)

    def in_force(self, day: date) -> bool:
        """Whether it is in force on that day, in the zone of its calendar."""
        return self.effective_from <= day and (self.effective_until is None or day <= self.effective_until)

    __hash__ = object.__hash__

    def __eq__(self, other: object) -> bool:
        return self is other
