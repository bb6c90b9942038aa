"""Regulator packs: clocks and letters that an external rule requires, as data with its source and golden dates.

Day counts come from the cited texts; `verified` stays "no" until a lawyer has checked them. Several packs may apply to
one complaint, and each has its own clocks: the earliest date is shown first, none replaces another.

A pack is in force for a complaint that was *received* on a day from `effective_from` to `effective_until`. The day is
the local date of `received_at` in the zone of the pack's calendar, not the day on which the complaint was recorded or
a clock starts. A rule that changes on a date is therefore two packs with adjoining periods, and a letter that arrived
on the last day of the old rule keeps the old rule, even if it is recorded a week later.
"""

from collections.abc import Iterator
from datetime import date
from typing import Literal, Self

from pydantic import AwareDatetime, Field, field_validator, model_validator

from services.sla.calendar.document import DocumentEntry, DocumentModel, refuse_repeated
from services.sla.policies.goal import Goal
from services.sla.policies.model import ExtensionRule, When
from services.sla.policies.rule import ClockRule
from shared.contracts.events import ClockKind


class RuleSource(DocumentModel):
    """Text in which a rule is published.

    `clocks` lists the clocks it is about, for a pack with several sources; empty means all clocks.
    """

    title: str = Field(min_length=1)
    url: str | None = None
    paragraph: str | None = None
    clocks: tuple[ClockKind, ...] = ()


class LetterRule(DocumentModel):
    """Letter that must be sent before the due time of `clock` while it runs, announced `lead` before it.

    `lead` is a goal that is counted backwards: opening time or business days of the pack's calendar, or calendar days.
    `reasons` are codes of what the letter must explain.
    """

    id: str = Field(min_length=1)
    clock: ClockKind
    lead: Goal
    reasons: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _check_lead_unit(self) -> Self:
        if self.lead.unit in ("at", "calendar_months"):
            raise ValueError("lead: expected wall, business, business_days, calendar_days or calendar_weeks")
        return self


class ClockExtension(ExtensionRule):
    """Extension of the due time of `clock`, permitted only after `letter` gave the reason and the new date."""

    clock: ClockKind
    letter: str


class GoldenDate(DocumentModel):
    """Due time that was computed by hand for a start time; compared with the computed one at each start of sla.

    `letters` (by id) and `rungs` (escalation steps by name) contain their due times, `latest` the end of the extension.
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
        """Names of the letters and steps that have a date, and of the extension."""
        yield from (f"letter {name!r}" for name in self.letters)
        yield from (f"rung {name!r}" for name in self.rungs)
        if self.latest:
            yield "extension"


class Pack(DocumentEntry):
    """Clocks and letters of one regulator: one version, in force for a period of days of receipt."""

    section = "pack"
    id: str = Field(min_length=1, pattern=r"^[a-z0-9-]+$")
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
    golden: tuple[GoldenDate, ...] = Field(min_length=1)

    @field_validator("clocks")
    @classmethod
    def _mark_regulatory(cls, clocks: tuple[ClockRule, ...]) -> tuple[ClockRule, ...]:
        """Set the obligation `regulatory` on each clock, whatever it is for its kind in a policy."""
        for rule in clocks:
            if rule.obligation not in (None, "regulatory"):
                raise ValueError(f"{rule.kind}: a {rule.obligation} is not accepted in a pack; write it in a policy")
            if rule.pauses:
                raise ValueError(f"{rule.kind}: expected no pauses; a regulatory clock never pauses")
        return tuple(rule.model_copy(update={"obligation": "regulatory"}) for rule in clocks)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.effective_until is not None and self.effective_until < self.effective_from:
            raise ValueError("effective_until: expected a day not before effective_from")
        if self.verified == "yes" and not self.verified_by:
            raise ValueError("verified_by: expected who checked it, and when")
        refuse_repeated("clocks", (rule.kind for rule in self.clocks))
        refuse_repeated("letters", (letter.id for letter in self.letters))
        refuse_repeated("extensions", (extension.clock for extension in self.extensions))
        return self

    @model_validator(mode="after")
    def _check_references(self) -> Self:
        kinds = [rule.kind for rule in self.clocks]
        clocks = [letter.clock for letter in self.letters] + [extension.clock for extension in self.extensions]
        clocks += [golden.clock for golden in self.golden] + [kind for source in self.sources for kind in source.clocks]
        other = next((kind for kind in clocks if kind not in kinds), None)
        if other:
            raise ValueError(f"expected one of the pack's clocks {kinds}, got {other!r}")
        defined = {(letter.clock, f"letter {letter.id!r}") for letter in self.letters}
        defined |= {(rule.kind, f"rung {step.name!r}") for rule in self.clocks for step in rule.rungs}
        defined |= {(extension.clock, "extension") for extension in self.extensions}
        mentioned = [(extension.clock, f"letter {extension.letter!r}") for extension in self.extensions]
        mentioned += [(golden.clock, name) for golden in self.golden for name in golden.names]
        undefined = next((reference for reference in mentioned if reference not in defined), None)
        if undefined:
            raise ValueError(f"{undefined[0]} has no {undefined[1]}")
        return self

    def rule(self, kind: ClockKind) -> ClockRule:
        """Return the clock of that kind."""
        return next(rule for rule in self.clocks if rule.kind == kind)

    def source_of(self, kind: ClockKind) -> RuleSource:
        """Return the source of the rule for that clock: the source that names it, else the first."""
        return next((source for source in self.sources if kind in source.clocks), self.sources[0])

    def extension_of(self, kind: ClockKind) -> ClockExtension | None:
        """Return the extension of that clock, or None if the rule has none."""
        return next((extension for extension in self.extensions if extension.clock == kind), None)

    def is_in_force(self, day: date) -> bool:
        """Return True if the pack is in force for complaints received on `day`, a local date of its calendar."""
        return self.effective_from <= day and (self.effective_until is None or day <= self.effective_until)
