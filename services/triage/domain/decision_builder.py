"""A decision in the making: the case, the roster and what was said so far. Lives for one `decide` only."""

from functools import lru_cache
from typing import Any

from services.triage.domain.state import TriageContext, TriageState
from services.triage.rulebook.model import Handler
from shared.contracts.envelope import Fact, NewEvent, Party, PartyId, PersonalStaff, Staff
from shared.contracts.events import Assigned, Escalated, Triaged
from shared.runner.types import Decision

HANDLER = PartyId("handler")
PARTIES = (Party(id=HANDLER, role="handler"),)


class DecisionBuilder:
    """Collects changes and sayings; `done` freezes them."""

    def __init__(self, case: TriageState, context: TriageContext) -> None:
        self.case = case
        self.context = context
        self.roster = context.roster
        self._says: list[NewEvent[Any]] = []

    def change(self, **changes: Any) -> None:
        """Some fields of the case get new values."""
        self.case = self.case.replace(**changes)

    def hand_to(self, handler: str) -> None:
        """The handler has it, and one more open case."""
        self.roster = self.roster.take(handler)
        self.change(handler=handler)

    def add_ground(self, ground: str) -> None:
        """One level up for that reason, which then is more than a note."""
        noted = tuple(one for one in self.case.noted if one != ground)
        self.change(grounds=tuple(sorted({*self.case.grounds, ground})), noted=noted)

    def note(self, ground: str) -> None:
        """It ran late in that way, which is no reason to go up, unless it went up for it already."""
        if ground not in (*self.case.noted, *self.case.grounds):
            self.change(noted=tuple(sorted({*self.case.noted, ground})))

    def say(self, facts: Fact) -> None:
        """One more event, without anything personal."""
        self._says.append(NewEvent(facts=facts))

    def say_triaged(self) -> None:
        """What the case is now, by whom and why."""
        case = self.case
        self.say(
            Triaged(
                category=case.category,
                severity=case.severity or "normal",
                language=case.language or "und",
                confidence=case.confidence or 0.0,
                decided_by=case.decided_by or "",
                decider_version=case.decider_version or "",
                signals=case.signals,
                why=case.why,
            )
        )

    def say_assigned(self, handler: Handler | None, why: str) -> None:
        """Whose it is now; the handler's name and address travel apart, as staff data."""
        facts = Assigned(team=self.case.team or "", handler=handler.id if handler else None, why=why)
        if handler is None:
            self.say(facts)
            return
        self._says.append(NewEvent(facts=facts, parties=PARTIES, personal=_introduction(handler.name, handler.email)))

    def say_escalated(self, reason: str) -> None:
        """It is at that level now: of its team, or of those who look at what belongs to nobody yet."""
        rules = self.context.rules
        team = self.case.team if self.case.team in rules.teams else rules.screening
        self.say(Escalated(team=team, level=self.case.level, reason=reason))

    def done(self) -> Decision[TriageState, TriageContext]:
        """The decision; without a change it is the very same state, and nothing is written."""
        now = self.context
        if self.roster is now.roster:
            return Decision(self.case, tuple(self._says))
        context = TriageContext(now.now, now.rules, self.roster, now.classifications, now.threshold)
        return Decision(self.case, tuple(self._says), context)


@lru_cache(maxsize=4096)  # as good as every handler there is; each is introduced over and over
def _introduction(name: str, email: str) -> tuple[PersonalStaff, ...]:
    return (PersonalStaff(party=HANDLER, fields=Staff(name=name, email=email)),)
