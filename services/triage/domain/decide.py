"""Events, ticks and commands to decisions.

    heard                 what changes                                        what is said
    ─────────────────────────────────────────────────────────────────────────────────────────────────────
    ComplaintReceived     category, severity, signals; a team and a handler   Triaged, (ScreeningRequested),
                                                                              Assigned, (Escalated)
    ClockBreached         one level up or a note, by `ladder`; once           Escalated, if open
    ClockEscalated        one level up, once per clock, cycle and rung        Escalated, if open
    Resolved, Withdrawn   closed; the handler has room again
    Reopened              open, same handler; one level up                    Escalated, (Assigned)
    Tick                  a waiting case gets the handler who now has room    Assigned
    DecideCase            what the person said; the owning team               Triaged, (Assigned), (Escalated)

What is heard twice changes nothing the second time. Levels only count up, and each has one ground.
"""

from collections.abc import Callable, Mapping
from typing import Any

from services.triage.domain.decision_builder import DecisionBuilder
from services.triage.domain.escalation import climbs, ground, reason
from services.triage.domain.state import DecideCase, TriageContext, TriageState
from shared.contracts.envelope import Event, Fact
from shared.contracts.events import (
    ClockBreached,
    ClockEscalated,
    ComplaintReceived,
    Reopened,
    Resolved,
    ScreeningRequested,
    Severity,
    Withdrawn,
)
from shared.errors import IllegalMove, NotFound, Rejected
from shared.runner.types import Command, Decision, Input, Tick

TriageDecision = Decision[TriageState, TriageContext]
URGENT_SIGNALS = ("vulnerable", "abuse")  # go to a lead at once, whatever the severity
NO_ROOM = "nobody in the team has room; the next who has takes it"


def decide(state: TriageState | None, given: Input, context: TriageContext) -> TriageDecision:
    """The heart of triage. Raises `NotFound`, `IllegalMove` or `Rejected` for commands only."""
    # Ours by exact class first: isinstance of pydantic's generic models is slow, and nearly all that comes is events.
    if isinstance(given, Tick):
        return _tick(state, context)
    if isinstance(given, DecideCase):
        return _decide_case(state, given, context)
    if isinstance(given, Command):
        raise Rejected(f"expected DecideCase, got {type(given).__name__}")
    draft = DecisionBuilder(state or TriageState(complaint_id=given.subject), context)
    if hear := _HEARD.get(type(given.facts)):
        hear(draft, given)
    return draft.done()


def _receive(draft: DecisionBuilder, event: Event[Any]) -> None:
    if draft.case.received:
        return
    found = draft.context.classifications[event.id]
    rules = draft.context.rules
    unsure = found.confidence < draft.context.threshold
    draft.change(
        received=True,
        since=event.time,
        category=(found.category,),
        severity=rules.severity_of(found.category, found.signals, large_amount=found.large_amount),
        language=found.language,
        signals=found.signals,
        large_amount=found.large_amount,
        confidence=found.confidence,
        decided_by=found.decided_by,
        decider_version=found.version,
        why=found.why,
        screening=unsure,
        candidates=found.candidates,
        team=rules.screening if unsure else rules.team_of(found.category),
    )
    draft.say_triaged()
    if unsure:
        draft.say(ScreeningRequested(candidates=found.candidates, confidence=found.confidence))
    if draft.case.is_open:
        _assign(draft)
    urgent = _urgency(draft.case)
    parked = draft.case.level > 0
    if urgent:
        draft.add_ground("urgent")
    if urgent or parked:
        draft.say_escalated(urgent or "a clock was breached")


def _assign(draft: DecisionBuilder) -> None:
    """To whoever of the case's team has most room; to the team alone when nobody has."""
    team = draft.case.team or draft.context.rules.screening
    chosen = draft.roster.least_loaded(team)
    if chosen is None:
        draft.say_assigned(None, NO_ROOM)
        return
    load = draft.roster.load(chosen.id)
    draft.hand_to(chosen.id)
    draft.say_assigned(chosen, f"least loaded: {load} of {chosen.capacity} open cases before this one")


def _close(draft: DecisionBuilder, event: Event[Any]) -> None:
    del event
    if draft.case.closed:
        return
    if draft.case.received:
        draft.roster = draft.roster.free(draft.case.handler)
    draft.change(closed=True)


def _reopen(draft: DecisionBuilder, event: Event[Any]) -> None:
    """Back to the handler who knows it, room or not, and to the lead: a second failure needs a second pair of eyes."""
    del event
    if not draft.case.closed:
        return
    draft.change(closed=False)
    number = sum(ground.startswith("reopened:") for ground in draft.case.grounds) + 1
    if draft.case.received:
        if draft.case.handler is None:
            _assign(draft)
        else:
            draft.roster = draft.roster.take(draft.case.handler)
    _go_up(draft, f"reopened:{number}", "it was reopened")


def _run_out(draft: DecisionBuilder, event: Event[Any]) -> None:
    clock: ClockBreached | ClockEscalated = event.facts
    if climbs(clock):
        _go_up(draft, ground(clock), reason(clock))
    else:
        draft.note(ground(clock))


# What is not in here, or was heard before, changes nothing.
_HEARD: Mapping[type[Fact], Callable[[DecisionBuilder, Event[Any]], None]] = {
    ComplaintReceived: _receive,
    Resolved: _close,
    Withdrawn: _close,
    Reopened: _reopen,
    ClockBreached: _run_out,
    ClockEscalated: _run_out,
}


def _go_up(draft: DecisionBuilder, ground: str, reason: str) -> None:
    """One level, once per ground. Said only while the case is open; counted in any case."""
    if ground in draft.case.grounds:
        return
    draft.add_ground(ground)
    if draft.case.is_open:
        draft.say_escalated(reason)


def _urgency(case: TriageState) -> str:
    """Why a lead must see it at once; empty if there is no reason."""
    reasons = ["critical"] if case.severity == "critical" else []
    return ", ".join(reasons + [signal for signal in case.signals if signal in URGENT_SIGNALS])


def _tick(state: TriageState | None, context: TriageContext) -> TriageDecision:
    if state is None or not state.is_waiting or state.team is None:
        return Decision(state)
    if context.roster.least_loaded(state.team) is None:
        return Decision(state)
    draft = DecisionBuilder(state, context)
    _assign(draft)
    return draft.done()


def _decide_case(state: TriageState | None, given: DecideCase, context: TriageContext) -> TriageDecision:
    if state is None or not state.received:
        raise NotFound
    if state.closed:
        raise IllegalMove("expected an open case, got a closed one; reopen the complaint first")
    rules = context.rules
    category = given.category or state.category[0]
    if category not in rules.categories:
        raise Rejected(f"category: expected one of {', '.join(rules.categories)}")
    team = rules.team_of(category)
    if given.handler is not None and context.roster.member(team, given.handler) is None:
        known = ", ".join(one.id for one in rules.teams[team].handlers)
        raise Rejected(f"handler: expected one of the team {team} that owns {category}: {known}")
    draft = DecisionBuilder(state, context)
    draft.change(
        category=(category,),
        severity=given.severity or _severity_after(state, category, context),
        confidence=1.0,
        decided_by=f"handler:{given.by}",
        decider_version=rules.version,
        why=("decided by a person",),
        screening=False,
        candidates=(category,),
    )
    draft.say_triaged()
    _hand_over(draft, team, given.handler)
    if urgent := _urgency(draft.case):
        _go_up(draft, "urgent", urgent)
    return draft.done()


def _severity_after(state: TriageState, category: str, context: TriageContext) -> Severity:
    """As it was while the category stays; else what the rulebook says of the new one."""
    if state.severity is not None and (category,) == state.category:
        return state.severity
    return context.rules.severity_of(category, state.signals, large_amount=state.large_amount)


def _hand_over(draft: DecisionBuilder, team: str, handler: str | None) -> None:
    """To the team that owns it now and the handler asked for; whoever had it has room again."""
    before = draft.case.handler
    stays = team == draft.case.team and before is not None and handler in (None, before)
    if stays:
        return
    draft.roster = draft.roster.free(before)
    draft.change(team=team, handler=None)
    chosen = draft.roster.member(team, handler)
    if chosen is None:
        _assign(draft)
        return
    draft.hand_to(chosen.id)
    draft.say_assigned(chosen, "chosen by a person")
