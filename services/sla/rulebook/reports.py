"""What a dry run and a back-test report, as numbers; sentences are made of them."""

from collections.abc import Iterator, Sequence
from uuid import UUID

from pydantic import AwareDatetime, Field

from services.sla.policies import Mode
from shared.contracts.envelope import FrozenModel
from shared.contracts.events import ClockKind

FAILED_NAMED = 10  # of those that could not be computed: enough to find out why
# A dry run speaks for what it computed. One broken complaint among many must not stand in the way of a storm's holiday;
# where more than one in this many failed, something is wrong with the rulebook or with us: nobody knows what it does.
FAILED_ONE_IN = 100


def too_many(failed: int, computed: int) -> bool:
    """Whether so many could not be computed that the figures speak for nothing."""
    return failed * FAILED_ONE_IN > failed + computed


class Hour(FrozenModel):
    """How much falls to one team in one hour, as it is and as it would be."""

    team: str
    hour: AwareDatetime
    before: int
    after: int


class Example(FrozenModel):
    """One complaint with a clock that would move far."""

    complaint_id: UUID
    team: str
    clock: str
    old_due_at: AwareDatetime
    new_due_at: AwareDatetime
    moved_seconds: int


class DryRun(FrozenModel):
    """What a publication would do to what is open. `started` and `dropped`: clocks asked for anew, or no more."""

    mode: Mode
    as_of: AwareDatetime
    complaints: int
    failed: int = Field(description="Complaints that could not be computed; they would stay as they are.")
    failed_such_as: Sequence[UUID] = Field(default=(), description="Some of them.")
    clocks: int = Field(description="Open clocks as it is.")
    earlier: int
    later: int
    unchanged: int
    started: int
    dropped: int
    breached_now: int = Field(description="Clocks that would be breached at once.")
    breach_voided: int = Field(description="Breaches that would disappear.")
    rungs_now: int = Field(description="Clocks that would warn or escalate at once.")
    promises_touched: int = Field(description="Must be 0: what a customer was told never moves by itself.")
    other_terms: int = Field(description="Complaints that would come under another policy or pack.")
    load: Sequence[Hour] = Field(description="Clocks due per team and hour, where it would differ.")
    examples: Sequence[Example] = Field(description="The complaints that would move most.")

    @property
    def sentences(self) -> list[str]:
        """The figures as a person says them."""
        others = " of the others" if self.failed else ""
        failures = [*_failures(self, "would stay as they are")]
        if too_many(self.failed, self.complaints):
            failures.append("That is more than one in a hundred, so it cannot be published.")
        if self.mode == "new_only":
            stay = self.complaints + self.failed
            return [f"Nothing moves: {stay:,} open complaints stay as they are; new ones meet the draft.", *failures]
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
    """Breaches of one kind of clock under one policy or pack in one team, against what really happened."""

    clock: ClockKind
    policy: str
    team: str
    before: int
    after: int
    gained: int
    lost: int


class Promises(FrozenModel):
    """Dates that customers would have been told, against those that they were."""

    told: int
    earlier: int
    later: int
    same: int
    kept: int = Field(description="Chains of versions that were kept.")
    broken: int
    kept_instead: int = Field(description="Chains that would have been kept.")
    broken_instead: int


class Letters(FrozenModel):
    """Letters of a regulator's pack that went out, and that would have."""

    letter: str
    before: int
    after: int


class Signals(FrozenModel):
    """Warnings and escalations that fired, and that would have, over all hours."""

    warnings: int
    escalations: int
    warnings_instead: int
    escalations_instead: int


class BackTest(FrozenModel):
    """What would have happened to the complaints of some days if the draft had always been in force."""

    days: int
    as_of: AwareDatetime
    complaints: int
    failed: int = Field(description="Complaints that could not be computed; they are in no figure.")
    failed_such_as: Sequence[UUID] = Field(default=(), description="Some of them.")
    gained: int = Field(description="Breaches that did not happen and would have.")
    lost: int = Field(description="Breaches that happened and would not have.")
    breaches: Sequence[BreachComparison]
    promises: Promises
    signals: Signals
    letters: Sequence[Letters]
    load: Sequence[Hour] = Field(description="Warnings and escalations per team and hour, where it would differ.")
    examples: Sequence[Example] = Field(description="The complaints whose breach would come or go, the farthest moved.")

    @property
    def sentences(self) -> list[str]:
        """The figures as a person says them."""
        one, more = self.promises, self.signals
        return [
            (
                f"Of {self.complaints:,} complaints of the last {self.days} days: {self.gained:,} breaches more and "
                f"{self.lost:,} fewer than really happened."
            ),
            (
                f"Of {one.told:,} dates told {one.earlier:,} would have been earlier, {one.later:,} later. "
                f"{one.kept_instead:,} promises would have been kept instead of {one.kept:,}, "
                f"{one.broken_instead:,} broken instead of {one.broken:,}."
            ),
            (
                f"{more.warnings_instead:,} warnings instead of {more.warnings:,}, "
                f"{more.escalations_instead:,} escalations instead of {more.escalations:,}."
            ),
            *(f"Letter {x.letter}: {x.after:,} instead of {x.before:,}." for x in self.letters),
            *_failures(self, "are in none of these figures"),
        ]


def _failures(report: DryRun | BackTest, fate: str) -> Iterator[str]:
    failed, such_as = report.failed, report.failed_such_as
    if failed:
        named = ", ".join(map(str, such_as)) + (" and others" if failed > len(such_as) else "")
        yield f"{failed:,} of {failed + report.complaints:,} complaints could not be computed and {fate}: {named}."
