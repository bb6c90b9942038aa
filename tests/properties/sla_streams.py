"""Strategies for the events of one complaint on the topics that sla reads, and the rulebook of these tests."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, get_args
from uuid import UUID

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from uuid_utils.compat import uuid7

from services.sla.domain import (
    SlaContext,
    SlaState,
    decide,
)
from services.sla.domain.clock_types import CLOCK_TYPES
from services.sla.policies import Rulebook, parse_rulebook, read_file
from shared.contracts.envelope import ComplaintId, Event, EventId, Fact
from shared.contracts.events import (
    Assigned,
    ComplaintReceived,
    Merged,
    MessageAccepted,
    MessageAdded,
    MessageBounced,
    Milestone,
    MilestoneRecorded,
    ProgressRecorded,
    PromiseMade,
    PromiseRevised,
    Reopened,
    Resolved,
    Triaged,
    Withdrawn,
)
from shared.contracts.registry import EVENTS
from shared.runner.types import Tick

LADDER = [50, 90, {"before": "PT2H"}, {"after": "PT4H", "every": "PT8H", "at_most": 2, "open_hours": True}]


GOALS: list[dict[str, Any]] = [{"business": "PT12H"}, {"wall": "PT30H"}, {"business_days": 2}, {"calendar_days": 3}]


def everything() -> Rulebook:
    """The shipped rulebook, with a first policy that has a clock of every kind, and two regulators' packs."""
    data = read_file(None, ["uk-disp", "uk-housing"])
    kinds = [{"kind": kind, "goal": GOALS[n % 4], "rungs": LADDER} for n, kind in enumerate(CLOCK_TYPES)]
    clocks = [{**entry, "pauses": ["customer"]} if entry["kind"] == "total_resolution" else entry for entry in kinds]
    own = {
        "id": "all",
        "version": 1,
        "calendar": "office",
        "when": {"channel": ["web", "phone"], "severity": ["high", "normal", "low"]},
        "silence_days": 2,
    }
    capped = {"buffer": "PT4H", "extension": {"business_days": 3, "revisions": 2}}
    return parse_rulebook(
        {**data, "policy": [{**own, "promise": capped, "clocks": clocks}, *data["policy"]]}, around=DAY
    )


DAY = date(2026, 11, 1)


RULEBOOK = everything()


COMPLAINT = ComplaintId(UUID("0190aaaa-0000-7000-8000-000000000001"))


START = datetime(2026, 11, 2, 8, 0, tzinfo=UTC)  # a Monday


MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


relaxed = settings(deadline=None, max_examples=120, suppress_health_check=[HealthCheck.too_slow])


def event(facts: Fact, at: datetime, sequence: int, source: str) -> Event[Any]:
    return EVENTS[type(facts)](
        id=EventId(uuid7()),
        source=f"/redress/{source}",
        subject=COMPLAINT,
        time=at,
        sequence=sequence,
        data={"facts": facts},
    )


MILESTONES = st.sampled_from(get_args(Milestone))


ITEMS = st.sampled_from(["", "a", "b"])


@st.composite
def intake(draw: st.DrawFn) -> list[tuple[Fact, datetime]]:
    """A life as intake tells it: any facts, in any order, as long as time goes forward."""
    at = START + draw(st.integers(0, 20_000)) * MINUTE
    received = at - draw(st.sampled_from([timedelta(), HOUR, timedelta(days=2)]))
    channel = draw(st.sampled_from(["web", "letter", "phone"]))
    facts: list[tuple[Fact, datetime]] = [
        (ComplaintReceived(reference="R", client="c", channel=channel, received_at=received), at)
    ]
    for _ in range(draw(st.integers(0, 10))):
        at += draw(st.integers(1, 4000)) * MINUTE
        ahead = draw(st.one_of(st.none(), st.integers(-3000, 20_000)))
        facts.append(
            (
                draw(
                    st.sampled_from(
                        [
                            MessageAdded(author="customer"),
                            MessageAdded(author="handler"),
                            ProgressRecorded(state="awaiting_customer"),
                            ProgressRecorded(
                                state="investigating",
                                expected_at=at + ahead * MINUTE if ahead is not None else None,
                                reason="supplier_delay",
                            ),
                            ProgressRecorded(state="awaiting_third_party"),
                            MessageAdded(author="handler", public=False),
                            MilestoneRecorded(milestone=draw(MILESTONES), occurred_at=at, item=draw(ITEMS)),
                            Merged(into_reference="R-2"),
                            Resolved(outcome="upheld", resolved_at=at - draw(st.sampled_from([0, 1, 500])) * MINUTE),
                            Reopened(),
                            Withdrawn(),
                        ]
                    )
                ),
                at,
            )
        )
    return facts


@st.composite
def triage(draw: st.DrawFn) -> list[tuple[Fact, datetime]]:
    at, facts = START, []
    for severity in draw(st.lists(st.sampled_from(["low", "normal", "high", "critical"]), max_size=3)):
        at += draw(st.integers(1, 20_000)) * MINUTE
        if draw(st.booleans()):
            facts.append((Assigned(team="billing", handler=draw(st.sampled_from([None, "ann"]))), at))
        facts.append(
            (
                Triaged(
                    category=("billing",),
                    severity=severity,
                    language="en",
                    confidence=1,
                    decided_by="x",
                    decider_version="1",
                ),
                at,
            )
        )
    return facts


MESSAGES = ["acknowledgement", "promise_moved", "progress", "resolution", "back"]


def _back(number: int) -> MessageBounced:
    input_ = {"message": f"m{number}", "message_kind": "acknowledgement", "channel": "email", "cause": "c"}
    return MessageBounced(**input_, hard=True, code="5.1.1")


@st.composite
def notify(draw: st.DrawFn) -> list[tuple[Fact, datetime]]:
    at, facts = START, []
    for number, kind in enumerate(draw(st.lists(st.sampled_from(MESSAGES), max_size=5))):
        at += draw(st.integers(1, 20_000)) * MINUTE
        if kind == "back":
            facts.append((_back(draw(st.integers(0, number))), at))
            continue
        facts.append(
            (
                MessageAccepted(
                    message=f"m{number}",
                    message_kind=kind,
                    channel="email",
                    cause="c",
                    accepted_at=at,
                    locale="en",
                    template="t",
                    states_promise=draw(st.one_of(st.none(), st.integers(1, 3))),
                ),
                at,
            )
        )
    return facts


Streams = tuple[list[Event[Any]], ...]


def numbered(*streams: list[tuple[Fact, datetime]]) -> Streams:
    names = ("intake", "triage", "notify")
    return tuple(
        [event(fact, at, n, name) for n, (fact, at) in enumerate(stream, start=1)]
        for name, stream in zip(names, streams, strict=True)
    )


STREAMS = st.builds(numbered, intake(), triage(), notify())


def interleaved(draw: st.DrawFn, streams: Streams) -> list[Event[Any]]:
    left = [list(stream) for stream in streams if stream]
    order: list[Event[Any]] = []
    while left:
        stream = left[draw(st.integers(0, len(left) - 1))]
        order.append(stream.pop(0))
        left = [each_entry for each_entry in left if each_entry]
    return order


def fold(events: Sequence[Event[Any] | Tick], state: SlaState | None = None) -> tuple[SlaState | None, list[Fact]]:
    published: list[Fact] = []
    now = START
    for each in events:
        now = max(now, each.now if isinstance(each, Tick) else each.time)
        decision = decide(state, each, SlaContext(now, RULEBOOK))
        state = decision.state
        published += [say.facts for say in decision.events]
    return state, published


def unsaid(state: SlaState, published_facts: Sequence[Fact]) -> set[str]:
    """Promises that notify here has told though sla never said them, because all was over: no message states those."""
    entries = {
        each_fact.promise for each_fact in published_facts if isinstance(each_fact, PromiseMade | PromiseRevised)
    }
    return {f"promise {each_entry.promise}" for each_entry in state.tellings if each_entry.promise not in entries}
