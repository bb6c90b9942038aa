"""Builder of one decision: collects changes of the case, changes of the roster, and events to publish."""

from functools import lru_cache
from typing import Any

from services.triage.domain.context import TriageContext, TriageDecision
from services.triage.domain.state import TriageState
from services.triage.rulebook.model import Handler
from shared.contracts.envelope import Fact, NewEvent, Party, PartyId, PersonalStaff, Staff
from shared.contracts.events import Assigned, Escalated, Triaged
from shared.runner.types import Decision

HANDLER = PartyId("handler")
PARTIES = (Party(id=HANDLER, role="handler"),)


class DecisionBuilder:
    """Mutable draft of a decision, used during one `decide` only; `build` returns the decision."""

    def __init__(self, case: TriageState, context: TriageContext) -> None:
        self.case = case
        self.context = context
        self.roster = context.roster
        self._events: list[NewEvent[Any]] = []

    def change(self, **changes: Any) -> None:
        """Replace fields of the case."""
        self.case = self.case.replace(**changes)

    def assign_to(self, handler: str) -> None:
        """Make `handler` the handler of the case, with one more open case."""
        self.roster = self.roster.take(handler)
        self.change(handler=handler)

    def add_ground(self, ground: str) -> None:
        """Raise the level by one for this reason. A note of the same reason is removed."""
        noted = tuple(note for note in self.case.noted if note != ground)
        self.change(grounds=tuple(sorted({*self.case.grounds, ground})), noted=noted)

    def note(self, ground: str) -> None:
        """Note a clock that ran out without raising the level, unless the reason was counted before."""
        if ground not in (*self.case.noted, *self.case.grounds):
            self.change(noted=tuple(sorted({*self.case.noted, ground})))

    def publish(self, facts: Fact) -> None:
        """Add an event without personal data."""
        self._events.append(NewEvent(facts=facts))

    def publish_triaged(self) -> None:
        """Add `Triaged` with the present category, severity and their origin."""
        case = self.case
        self.publish(
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

    def publish_assigned(self, handler: Handler | None, why: str) -> None:
        """Add `Assigned`. The handler's name and address are personal data of staff and stay out of the facts."""
        facts = Assigned(team=self.case.team or "", handler=handler.id if handler else None, why=why)
        if handler is None:
            self.publish(facts)
            return
        self._events.append(NewEvent(facts=facts, parties=PARTIES, personal=_staff(handler.name, handler.email)))

    def publish_escalated(self, reason: str) -> None:
        """Add `Escalated` to the case's team, or to the screening team if the rulebook has no such team."""
        rules = self.context.rules
        team = self.case.team if self.case.team in rules.teams else rules.screening
        self.publish(Escalated(team=team, level=self.case.level, reason=reason))

    def build(self) -> TriageDecision:
        """Return the decision. Without a change it holds the same state object, and nothing is written."""
        context = self.context
        if self.roster is context.roster:
            return Decision(self.case, tuple(self._events))
        changed = TriageContext(context.now, context.rules, self.roster, context.classifications, context.threshold)
        return Decision(self.case, tuple(self._events), changed)


@lru_cache(maxsize=4096)  # more than there are handlers; the same few appear in most decisions
def _staff(name: str, email: str) -> tuple[PersonalStaff, ...]:
    return (PersonalStaff(party=HANDLER, fields=Staff(name=name, email=email)),)
