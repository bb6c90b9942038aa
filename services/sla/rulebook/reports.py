"""Reports of dry runs and back-tests: the figures, and sentences made of them."""

from collections.abc import Iterator, Sequence
from uuid import UUID

from pydantic import AwareDatetime, Field

from services.sla.policies import Mode
from shared.contracts.envelope import FrozenModel
from shared.contracts.events import ClockKind

FAILED_NAMED = 10  # ids of failed complaints that are listed: enough to find the cause
# The figures of a dry run leave out complaints that could not be computed. A single broken complaint must not stop an
# urgent publication. Where more than one in a hundred fails, the rulebook or the service has a fault, and the effect of
# a publication is not known.
FAILED_ONE_IN = 100


def has_too_many_failures(failed: int, computed: int) -> bool:
    """Return True if so many complaints could not be computed that the figures prove nothing."""
    return failed * FAILED_ONE_IN > failed + computed


class Hour(FrozenModel):
    """Due times of one team in one hour, before and after the change."""

    team: str
    hour: AwareDatetime
    before: int
    after: int


class Example(FrozenModel):
    """Complaint with a clock that would move far."""

    complaint_id: UUID
    team: str
    clock: str
    old_due_at: AwareDatetime
    new_due_at: AwareDatetime
    moved_seconds: int


class DryRun(FrozenModel):
    """Effect of a publication on open complaints. `started` and `dropped`: clocks that would be added or removed."""

    mode: Mode
    as_of: AwareDatetime
    complaints: int
    failed: int = Field(description="Complaints that could not be computed; they would stay as they are.")
    failed_such_as: Sequence[UUID] = Field(default=(), description="Ids of some of them.")
    clocks: int = Field(description="Open clocks now.")
    earlier: int
    later: int
    unchanged: int
    started: int
    dropped: int
    breached_now: int = Field(description="Clocks that would be breached at once.")
    breach_voided: int = Field(description="Breaches that would disappear.")
    rungs_now: int = Field(description="Clocks that would warn or escalate at once.")
    promises_touched: int = Field(description="Must be 0: a date that a customer was told never moves by itself.")
    other_terms: int = Field(description="Complaints that would come under another policy or pack.")
    load: Sequence[Hour] = Field(description="Clocks due per team and hour, where it would differ.")
    examples: Sequence[Example] = Field(description="The complaints that would move most.")

    @property
    def sentences(self) -> list[str]:
        """The figures in plain sentences."""
        others = " of the others" if self.failed else ""
        failures = [*_failures(self, "would stay as they are")]
        if has_too_many_failures(self.failed, self.complaints):
            failures.append("That is more than one in a hundred, so it cannot be published.")
        if self.mode == "new_only":
            stay = self.complaints + self.failed
            return [
                f"Nothing moves: {stay:,} open complaints stay as they are; new ones come under the draft.",
                *failures,
            ]
        return [
            (
                f"Of {self.clocks:,} open clocks of {self.complaints:,} complaints {self.earlier:,} would be due "
                f"earlier, {self.later:,} later, {self.unchanged:,} stay; {self.started:,} begin, "
                f"{self.dropped:,} are dropped."
            ),
            (
                f"{self.breached_now:,} would be breached at once, {self.breach_voided:,} breaches would disappear, "
                f"{self.rungs_now:,} clocks would warn or escalate at once."
            ),
            f"{self.other_terms:,} complaints would come under another policy or pack.",
            f"No promise{others} is touched."
            if not self.promises_touched
            else f"{self.promises_touched:,} promises would be touched, so it cannot be published.",
            *failures,
        ]


class BreachComparison(FrozenModel):
    """Breaches of one clock type, policy or pack, and team: before and after the change."""

    clock: ClockKind
    policy: str
    team: str
    before: int
    after: int
    gained: int
    lost: int


class Promises(FrozenModel):
    """Dates that customers would have been told, compared with the dates they were told."""

    dates_told: int = Field(alias="told")
    earlier: int
    later: int
    same: int
    kept: int = Field(description="Promises, each with all its versions, that were kept.")
    broken: int
    kept_instead: int = Field(description="Promises that would have been kept.")
    broken_instead: int


class Letters(FrozenModel):
    """Letters of a regulator pack that were due, and that would have been due."""

    letter: str
    before: int
    after: int


class Signals(FrozenModel):
    """Warnings and escalations that were reached, and that would have been reached."""

    warnings: int
    escalations: int
    warnings_instead: int
    escalations_instead: int


class BackTest(FrozenModel):
    """Result for the complaints of the last days, if the draft had always been in force."""

    days: int
    as_of: AwareDatetime
    complaints: int
    failed: int = Field(description="Complaints that could not be computed; no figure includes them.")
    failed_such_as: Sequence[UUID] = Field(default=(), description="Ids of some of them.")
    gained: int = Field(description="Breaches that would have happened and did not.")
    lost: int = Field(description="Breaches that happened and would not have.")
    breaches: Sequence[BreachComparison]
    promises: Promises
    signals: Signals
    letters: Sequence[Letters]
    load: Sequence[Hour] = Field(description="Warnings and escalations per team and hour, where it would differ.")
    examples: Sequence[Example] = Field(description="The complaints whose breach would come or go, the farthest moved.")

    @property
    def sentences(self) -> list[str]:
        """The figures in plain sentences."""
        dates, signals = self.promises, self.signals
        return [
            (
                f"Of {self.complaints:,} complaints of the last {self.days} days: {self.gained:,} breaches more and "
                f"{self.lost:,} fewer than really happened."
            ),
            (
                f"Of {dates.dates_told:,} dates told {dates.earlier:,} would have been earlier, {dates.later:,} later. "
                f"{dates.kept_instead:,} promises would have been kept instead of {dates.kept:,}, "
                f"{dates.broken_instead:,} broken instead of {dates.broken:,}."
            ),
            (
                f"{signals.warnings_instead:,} warnings instead of {signals.warnings:,}, "
                f"{signals.escalations_instead:,} escalations instead of {signals.escalations:,}."
            ),
            *(f"Letter {letter.letter}: {letter.after:,} instead of {letter.before:,}." for letter in self.letters),
            *_failures(self, "are in none of these figures"),
        ]


def _failures(report: DryRun | BackTest, effect: str) -> Iterator[str]:
    failed, such_as = report.failed, report.failed_such_as
    if failed:
        named = ", ".join(map(str, such_as)) + (" and others" if failed > len(such_as) else "")
        yield f"{failed:,} of {failed + report.complaints:,} complaints could not be computed and {effect}: {named}."
