"""Short lives of complaints for the tables of facts in this folder."""

import json
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any
from uuid import UUID

from services.sla.domain import Evaluation, Outage, SlaContext, SlaState, decide, evaluate
from services.sla.policies import Rulebook, parse_rulebook
from shared.contracts.envelope import ComplaintId, EventId, Fact
from shared.contracts.events import (
    Assigned,
    ComplaintReceived,
    MessageAccepted,
    MessageAdded,
    MessageBounced,
    MessageFailed,
    MilestoneRecorded,
    ProgressRecorded,
    Reopened,
    Resolved,
    Triaged,
    Withdrawn,
)
from shared.contracts.registry import EVENTS
from shared.runner.types import Tick

SPEAKERS: dict[type[Fact], str] = {
    Triaged: "triage",
    Assigned: "triage",
    MessageAccepted: "notify",
    MessageBounced: "notify",
    MessageFailed: "notify",
}
COMPLAINT = ComplaintId(UUID("0190aaaa-0000-7000-8000-000000000002"))
WEEK = {day: [["09:00", "17:00"]] for day in ("mon", "tue", "wed", "thu", "fri")}
OFFICE = {"id": "office", "version": 1, "tz": "UTC", "holiday_rule": "civil_day", "weekly_hours": WEEK}
POLICY = {
    "id": "plain",
    "version": 1,
    "calendar": "office",
    "clocks": [
        {"kind": "acknowledge", "goal": {"wall": "PT1H"}, "rungs": [50, 75, 90]},
        {"kind": "requester_wait", "goal": {"business": "PT8H"}, "rungs": [50, 75, 90]},
    ],
    "promise": {"buffer": "PT4H"},
}


def policy(resolution: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    """The plain policy with another goal (and whatever else) for the answer, or other fields."""
    answer = {**POLICY["clocks"][1], **(resolution or {})}
    return {**POLICY, "clocks": [POLICY["clocks"][0], answer], **changes}


def book(*policies: dict[str, Any]) -> Rulebook:
    return _book(json.dumps(policies))


@cache
def _book(policies: str) -> Rulebook:
    return parse_rulebook({"calendar": [OFFICE], "policy": [*json.loads(policies), POLICY]}, around=date(2026, 11, 1))


def at(text: str) -> datetime:
    """`Mon 09:00` in the first week of November 2026, `Mon+7 09:00` in the second."""
    day, clock = text.split()
    name, _, weeks = day.partition("+")
    first = datetime(2026, 11, 2, tzinfo=UTC)
    days = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun").index(name) + int(weeks or 0)
    hours, minutes, *seconds = (int(part) for part in clock.split(":"))
    return first + timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds[0] if seconds else 0)


def event_id(moment: datetime, number: int) -> EventId:
    """A UUIDv7 of that moment, so that a fact was recorded when the test says."""
    return EventId(UUID(int=(int(moment.timestamp() * 1000) << 80) | (7 << 76) | (2 << 62) | number))


class Life:
    """Folds facts one by one and keeps what was said; every fact names its moment first."""

    def __init__(self, rulebook: Rulebook | None = None) -> None:
        self.rulebook = rulebook or book()
        self.state: SlaState | None = None
        self.published: list[Fact] = []
        self.outages: tuple[Outage, ...] = ()
        self.events: list[Any] = []

    def hears(self, moment: str, fact: Fact, *, now: str | None = None) -> list[Fact]:
        """`moment` is when it happened, `now` when it was recorded and heard."""
        number = len(self.events) + 1
        event = EVENTS[type(fact)](
            id=event_id(at(now or moment), number),
            source=f"/redress/{SPEAKERS.get(type(fact), 'intake')}",
            subject=COMPLAINT,
            time=at(moment),
            sequence=number,
            data={"facts": fact},
        )
        self.events.append(event)
        return self._decide(event, at(now or moment))

    def answers(self, moment: str) -> list[Fact]:
        """Resolved, and the customer told so at once."""
        return [*self.hears(moment, resolved(moment)), *self.tells(moment)]

    def tells(self, moment: str, message: str | None = None) -> list[Fact]:
        """A provider accepted the answer to the last resolution that was heard of."""
        entries = self.state.moments if self.state else ()
        cause = next(entry.about for entry in reversed(entries) if entry.what == "resolved")
        sent = accepted(moment, "resolution", message=message)
        return self.hears(moment, sent.model_copy(update={"cause": cause}))

    def asks(self, moment: str, command: Any) -> list[Fact]:
        """A command of somebody; raises what `decide` raises."""
        return self._decide(command, at(moment))

    def ticks(self, moment: str) -> list[Fact]:
        return self._decide(Tick(at(moment)), at(moment))

    def passes_until(self, moment: str) -> list[Fact]:
        """Time goes by from due moment to due moment, as the timers see it."""
        facts: list[Fact] = []
        while self.state and self.state.due_at and self.state.due_at <= at(moment):
            facts += self._decide(Tick(self.state.due_at), self.state.due_at)
        return facts

    def _decide(self, input_: Any, now: datetime) -> list[Fact]:
        decision = decide(self.state, input_, SlaContext(now, self.rulebook, self.outages))
        self.state = decision.state
        published = [say.facts for say in decision.events]
        self.published += published
        return published

    @property
    def ledger(self) -> Evaluation:
        return evaluate(self.state, self.rulebook)

    def clock(self, kind: str = "requester_wait", cycle: int = 1) -> Any:
        return next(each for each in self.ledger.clocks if (each.kind, each.cycle) == (kind, cycle))


def of(kind: type, facts: list[Any]) -> list[Any]:
    """What was said of one kind."""
    return [fact for fact in facts if isinstance(fact, kind)]


def received(moment: str, channel: str = "web") -> ComplaintReceived:
    return ComplaintReceived(reference="R-1", client="shop", channel=channel, received_at=at(moment))


def triaged(severity: str = "normal", category: tuple[str, ...] = ("billing",)) -> Triaged:
    return Triaged(
        category=category, severity=severity, language="en", confidence=1, decided_by="rules", decider_version="1"
    )


def accepted(
    moment: str, kind: str = "acknowledgement", promise: int | None = None, message: str | None = None
) -> MessageAccepted:
    return MessageAccepted(
        message=message or f"{kind}-{moment}",
        message_kind=kind,
        channel="email",
        cause="c",
        accepted_at=at(moment),
        locale="en",
        template="t",
        states_promise=promise,
    )


def bounced(message: str, *, hard: bool) -> MessageBounced:
    return MessageBounced(
        message=message, message_kind="acknowledgement", channel="email", cause="c", hard=hard, code="5.1.1"
    )


def resolved(moment: str) -> Resolved:
    return Resolved(outcome="upheld", resolved_at=at(moment))


def proposed(moment: str, reason: str | None = "supplier_delay") -> ProgressRecorded:
    return ProgressRecorded(state="investigating", expected_at=at(moment), reason=reason)


def milestone(name: str, moment: str, item: str = "") -> MilestoneRecorded:
    return MilestoneRecorded(milestone=name, occurred_at=at(moment), item=item)  # type: ignore[arg-type]


def assigned(handler: str | None = "ann", team: str = "billing") -> Assigned:
    return Assigned(team=team, handler=handler)


AWAITING = ProgressRecorded(state="awaiting_customer")
WORKING = ProgressRecorded(state="investigating")
CUSTOMER = MessageAdded(author="customer")
HANDLER = MessageAdded(author="handler")
REOPENED = Reopened()
WITHDRAWN = Withdrawn()


def opened(rulebook: Rulebook | None = None, moment: str = "Mon 10:00") -> Life:
    """Received and triaged at that moment."""
    life = Life(rulebook)
    life.hears(moment, received(moment))
    life.hears(moment, triaged())
    return life


def promised(rulebook: Rulebook | None = None, moment: str = "Mon 10:00") -> Life:
    """Received, triaged, and the date of the outcome told by the acknowledgement, all at that moment."""
    life = opened(rulebook, moment)
    life.hears(moment, accepted(moment, promise=1))
    return life
