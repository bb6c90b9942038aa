"""Properties of intake: the order between topics does not matter, and commands follow the life cycle."""

from datetime import timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from services.intake.domain import (
    MOVES,
    AddMessage,
    GiveFeedback,
    IntakeState,
    RecordMilestone,
    RecordProgress,
    Reopen,
    Resolve,
    UpdateCommand,
    Withdraw,
    decide,
)
from services.intake.domain.lifecycle import CLOSED_STAGES
from shared.contracts import Event
from shared.contracts import events as e
from shared.errors import IllegalMove
from shared.runner.types import Context, Input
from tests.factories import NOON, event
from tests.unit.intake.builders import ID, NOW, file_complaint, message

DUE = NOON + timedelta(days=3)


def triaged(category: str) -> e.Triaged:
    return e.Triaged(
        category=(category,), severity="normal", language="en", confidence=0.8, decided_by="rules", decider_version="1"
    )


def message_accepted(kind: str) -> e.MessageAccepted:
    return e.MessageAccepted(
        message=kind,
        message_kind=kind,
        channel="email",
        cause="c",
        accepted_at=NOON,
        locale="en",
        template="t",  # type: ignore[arg-type]
    )


def message_fields(reason: str) -> dict[str, str]:
    return {"message": "m", "message_kind": "progress", "channel": "email", "cause": "c", "reason": reason}


TRIAGE = st.lists(
    st.sampled_from(
        [
            triaged("billing"),
            triaged("delivery"),
            e.ScreeningRequested(candidates=("billing",), confidence=0.3),
            e.Assigned(team="care"),
            e.Assigned(team="care", handler="h1"),
            e.Escalated(team="leads", level=1, reason="breach"),
        ]
    ),
    max_size=4,
)
SLA = st.lists(
    st.sampled_from(
        [
            e.PromiseMade(promise=1, due_at=DUE, policy="p", policy_version=1, calendar="c", calendar_version=1),
            e.PromiseRevised(promise=2, old_due_at=DUE, due_at=DUE + timedelta(days=1), reason="supplier_delay"),
            e.PromiseKept(promise=1, first=True),
            e.PromiseBroken(promise=1, due_at=DUE),
            e.PromiseMade(
                promise=2,
                due_at=DUE,
                policy="p",
                policy_version=1,
                calendar="c",
                calendar_version=1,
                subject="next_update",
            ),
            e.PromiseRevised(promise=3, old_due_at=DUE, due_at=DUE + timedelta(days=1), reason="x", subject="action"),
            e.PromiseKept(promise=2, first=True, subject="next_update"),
            e.PromiseBroken(promise=3, due_at=DUE, subject="action", cause="downtime"),
        ]
    ),
    max_size=4,
)
NOTIFY = st.lists(
    st.sampled_from(
        [
            message_accepted("acknowledgement"),
            message_accepted("resolution"),
            message_accepted("progress"),
            e.MessageFailed(**message_fields("refused"), attempts=3),  # type: ignore[arg-type]
            e.MessageSuppressed(**message_fields("unreachable")),  # type: ignore[arg-type]
        ]
    ),
    max_size=4,
)
COMMANDS: list[UpdateCommand] = [
    message(),
    message(author="handler", public=False),
    RecordProgress(ID, state="investigating"),
    RecordProgress(ID, state="awaiting_customer", note="Which colour?"),
    RecordMilestone(ID, milestone="handed_over", item="maker"),
    RecordMilestone(ID, milestone="ombudsman_asked", occurred_at=NOW, note="They want our file."),
    Resolve(ID, outcome="upheld", explanation="Sorry.", resolved_at=NOW),
    Reopen(ID),
    Withdraw(ID),
    GiveFeedback(ID, fixed=False),
]
UPDATES = st.lists(st.sampled_from(COMMANDS), max_size=5)


@st.composite
def two_interleavings(draw: st.DrawFn) -> tuple[list[Input], list[Input]]:
    """Return two interleavings of the same streams; the order within a stream is kept."""
    others = [[event(f, subject=ID, sequence=n) for n, f in enumerate(draw(s), 1)] for s in (TRIAGE, SLA, NOTIFY)]
    streams: list[list[Input]] = [[file_complaint(), *draw(UPDATES)], *others]
    turns = [number for number, stream in enumerate(streams) for _ in stream]
    return _interleave(streams, draw(st.permutations(turns))), _interleave(streams, draw(st.permutations(turns)))


def _interleave(streams: list[list[Input]], turns: list[int]) -> list[Input]:
    sources = [iter(stream) for stream in streams]
    return [next(sources[turn]) for turn in turns]


def _fold(inputs: list[Input]) -> IntakeState:
    state: IntakeState | None = None
    for input_ in inputs:
        try:
            state = decide(state, input_, Context(NOW)).state
        except IllegalMove:
            assert not isinstance(input_, Event), "an event is never refused"
    assert state is not None
    return state


def _timeline(state: IntakeState) -> list[Any]:
    return sorted((entry.at, entry.kind, str(entry.facts), entry.public) for entry in state.new_entries)


@given(two_interleavings())
@settings(max_examples=300)
def test_any_interleaving_of_the_topics_gives_the_same_state_and_timeline(
    orders: tuple[list[Input], list[Input]],
) -> None:
    first, second = (_fold(order) for order in orders)
    assert first.model_copy(update={"new_entries": ()}) == second.model_copy(update={"new_entries": ()})
    assert first.status == second.status
    assert _timeline(first) == _timeline(second)


@given(two_interleavings())
@settings(max_examples=100)
def test_a_stored_state_is_read_back_unchanged_after_any_input(orders: tuple[list[Input], list[Input]]) -> None:
    state: IntakeState | None = None
    for input_ in orders[0]:
        try:
            state = decide(state, input_, Context(NOW)).state
        except IllegalMove:
            continue
        assert state is not None
        stored = IntakeState.model_validate_json(state.model_dump_json(exclude_none=True))
        assert stored == state.model_copy(update={"new_entries": ()})


class LifeCycle(RuleBasedStateMachine):
    """State machine that handles random commands; an illegal move must change nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.state = decide(None, file_complaint(), Context(NOW)).state

    @rule(command=st.sampled_from([*COMMANDS, GiveFeedback(ID, fixed=True, score=4)]))
    def handle_command(self, command: UpdateCommand) -> None:
        assert self.state is not None
        before = self.state
        try:
            decision = decide(before, command, Context(NOW))
        except IllegalMove:
            assert self.state == before
            return
        self.state = decision.state
        assert self.state is not None
        assert len(self.state.new_entries) - len(before.new_entries) == len(decision.events) >= 1
        if before.stage in CLOSED_STAGES and self.state.stage not in CLOSED_STAGES:
            assert self.state.cycle == before.cycle + 1
            assert any(isinstance(event.facts, e.Reopened) for event in decision.events)
        if isinstance(command, RecordMilestone):
            assert (self.state.stage, self.state.cycle) == (before.stage, before.cycle)
        if isinstance(command, AddMessage):
            assert self.state.messages == before.messages + 1

    @invariant()
    def stage_is_in_the_table_of_moves(self) -> None:
        assert self.state is not None
        assert self.state.stage in {"received", *MOVES.values()}

    @invariant()
    def resolved_complaint_has_a_resolution(self) -> None:
        assert self.state is not None
        assert self.state.stage != "resolved" or self.state.resolution is not None


LifeCycle.TestCase.settings = settings(max_examples=60, stateful_step_count=20)
TestLifeCycle = LifeCycle.TestCase
