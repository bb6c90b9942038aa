"""Application of other services' events to the public record."""

from datetime import timedelta

import pytest

from services.intake.domain.state import CaseOwner
from shared.contracts import INTAKE, Staff
from shared.contracts import events as e
from shared.contracts.envelope import Party, PersonalStaff
from tests.factories import NOON, event
from tests.unit.intake.builders import ID, file_complaint, state_after

TRIAGED = e.Triaged(
    category=("delivery", "damaged"),
    severity="high",
    language="en",
    confidence=0.9,
    decided_by="rules",
    decider_version="1",
    signals=("abuse",),
)
DUE = NOON + timedelta(days=5)
MADE = e.PromiseMade(promise=1, due_at=DUE, policy="default", policy_version=1, calendar="id", calendar_version=1)
REVISED = e.PromiseRevised(promise=2, old_due_at=DUE, due_at=DUE + timedelta(days=2), reason="supplier_delay")


def message_accepted(kind: str = "acknowledgement") -> e.MessageAccepted:
    return e.MessageAccepted(
        message="m1",
        message_kind=kind,
        channel="email",
        cause="c",
        accepted_at=NOON,
        locale="en",
        template="t",  # type: ignore[arg-type]
    )


def apply_facts(*facts, filed_first=True):
    return state_after(*([file_complaint()] if filed_first else []), *(event(fact, subject=ID) for fact in facts))


def test_triage_is_stored_and_ends_the_screening() -> None:
    screened = apply_facts(e.ScreeningRequested(candidates=("a",), confidence=0.2))
    assert screened.screening
    done = state_after(event(TRIAGED, subject=ID), state=screened)
    assert not done.screening
    assert done.triage is not None and done.triage.category == ("delivery", "damaged")


def test_an_assignment_opens_the_complaint_and_stores_the_name_of_the_handler() -> None:
    staff = {
        "parties": [Party(id="handler", role="handler")],
        "personal": [PersonalStaff(party="handler", fields=Staff(name="Handler 3"))],
    }
    state = state_after(file_complaint(), event(e.Assigned(team="logistics", handler="h3"), subject=ID, **staff))
    assert state.owner == CaseOwner(team="logistics", handler="h3", name="Handler 3", since=NOON)
    assert state.status == "open"
    assert state.new_entries[-1].words == "Handler 3"


def test_an_escalation_raises_the_level() -> None:
    assert apply_facts(e.Escalated(team="leads", level=2, reason="breach")).level == 2


def test_a_promise_keeps_its_first_due_time() -> None:
    promise = apply_facts(MADE, REVISED, e.PromiseBroken(promise=2, due_at=REVISED.due_at)).promise
    assert promise is not None
    assert (promise.number, promise.due_at, promise.first_due_at, promise.kept) == (2, REVISED.due_at, DUE, False)
    assert apply_facts(MADE, e.PromiseKept(promise=1, first=True)).promise.kept


def test_the_end_of_a_promise_from_before_the_reopening_does_not_end_the_current_one() -> None:
    again = MADE.model_copy(update={"promise": 3})
    late = (e.PromiseKept(promise=1, first=True), e.PromiseBroken(promise=2, due_at=REVISED.due_at))
    state = apply_facts(MADE, REVISED, again, *late)
    assert state.promise is not None and (state.promise.number, state.promise.kept) == (3, None)
    assert [entry.kind for entry in state.new_entries][-2:] == ["promise.kept", "promise.broken"], (
        "the timeline has them"
    )
    moved = REVISED.model_copy(update={"promise": 4})
    assert apply_facts(MADE, again, moved, e.PromiseKept(promise=3, first=True)).promise.kept, (
        "the current revision decides"
    )


UPDATE = {"promise": 2, "due_at": DUE - timedelta(days=2), "subject": "next_update"}
ACTION = {"promise": 3, "due_at": DUE + timedelta(days=9), "subject": "action"}


@pytest.mark.parametrize("other", [UPDATE, ACTION], ids=["next_update", "action"])
def test_promises_of_other_subjects_do_not_change_the_promise_of_the_outcome(other) -> None:
    made = e.PromiseMade(**dict(MADE) | other)
    moved = e.PromiseRevised(
        promise=4, old_due_at=made.due_at, due_at=made.due_at + timedelta(days=1), reason="x", subject=made.subject
    )
    state = apply_facts(
        MADE, made, moved, e.PromiseBroken(**other), e.PromiseKept(promise=4, first=False, subject=made.subject)
    )
    assert state.promise == apply_facts(MADE).promise
    assert [entry.kind for entry in state.new_entries[2:]] == [
        "promise.made",
        "promise.revised",
        "promise.broken",
        "promise.kept",
    ]
    assert apply_facts(made).promise is None


def test_a_revision_that_arrives_first_sets_the_first_due_time() -> None:
    promise = apply_facts(REVISED).promise
    assert promise is not None and promise.first_due_at == DUE


def test_the_end_of_a_promise_that_is_not_stored_adds_a_timeline_entry_only() -> None:
    assert apply_facts(e.PromiseKept(promise=1, first=True)).promise is None


def test_the_time_of_the_first_acknowledgement_is_kept() -> None:
    later = message_accepted().model_copy(update={"accepted_at": NOON + timedelta(hours=1)})
    delivery = apply_facts(message_accepted(), later, message_accepted("resolution")).delivery
    assert delivery.acknowledged_at == NOON
    assert delivery.resolution_at == NOON


def test_failed_and_suppressed_messages_are_counted_and_not_public() -> None:
    failed = e.MessageFailed(message="m", message_kind="progress", channel="email", cause="c", reason="no", attempts=3)
    held = e.MessageSuppressed(message="m", message_kind="progress", channel="email", cause="c", reason="no")
    state = apply_facts(failed, held)
    assert state.delivery.failed == 2
    assert [entry.public for entry in state.new_entries] == [True, False, False]


def test_events_of_a_complaint_that_is_not_created_yet_are_kept_for_it() -> None:
    waiting = apply_facts(TRIAGED, MADE, filed_first=False)
    assert (waiting.status, waiting.filed) == ("unknown", None)
    created = state_after(file_complaint(), state=waiting)
    assert created.status == "received"
    assert created.triage is not None and created.promise is not None


def test_an_event_that_intake_does_not_apply_changes_nothing() -> None:
    state = state_after(file_complaint())
    assert (
        state_after(event(e.ClockWarned(clock="acknowledge", cycle=1, rung="50%", due_at=DUE), subject=ID), state=state)
        is state
    )


def test_every_subscribed_event_adds_a_timeline_entry() -> None:
    examples = {
        e.Triaged: TRIAGED,
        e.ScreeningRequested: e.ScreeningRequested(candidates=("a",), confidence=0.2),
        e.Assigned: e.Assigned(team="t"),
        e.Escalated: e.Escalated(team="t", level=1, reason="r"),
        e.PromiseMade: MADE,
        e.PromiseRevised: REVISED,
        e.PromiseKept: e.PromiseKept(promise=1, first=True),
        e.PromiseBroken: e.PromiseBroken(promise=1, due_at=DUE),
        e.MessageAccepted: message_accepted(),
        e.MessageFailed: e.MessageFailed(
            message="m", message_kind="progress", channel="email", cause="c", reason="no", attempts=3
        ),
        e.MessageSuppressed: e.MessageSuppressed(
            message="m", message_kind="progress", channel="email", cause="c", reason="no"
        ),
    }
    assert set(examples) == set(INTAKE.subscribes)
    for fact in examples.values():
        assert state_after(event(fact, subject=ID)).new_entries[0].kind == fact.kind
