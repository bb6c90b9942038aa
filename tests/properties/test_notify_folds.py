"""Properties of notify: with the topics in any order, the final state and the intents are the same."""

from hypothesis import given, settings
from hypothesis import strategies as st

from services.notify.domain import NewMessage
from services.notify.domain.content import missing_fields
from shared.contracts import events as e
from tests.unit.notify import builders as b

INTAKE = [
    b.complaint_received(),
    b.progress_recorded(),
    b.question(sequence=3, minutes=70),
    b.message_added(sequence=4, minutes=80),
    b.resolved(sequence=5),
    b.reopened(sequence=6),
    b.resolved(sequence=7, minutes=400),
]
TRIAGE = [b.triaged(), b.assigned(), b.triaged(3, 60, "refund"), b.assigned(4, 61)]
SLA = [
    b.promise_made(),
    b.promise_revised(minutes=55),
    b.promise_made(number=3, sequence=3, minutes=60, due=900, subject="next_update"),
    b.promise_at_risk(number=2, sequence=4, minutes=65),
    b.letter_due(sequence=5, minutes=90),
    b.promise_made(number=4, sequence=6, minutes=100, due=8000, subject="action"),
    b.promise_broken(number=2, sequence=7, minutes=150),
    b.silence_noticed(since=71, sequence=8, minutes=160),
    b.promise_at_risk(number=3, sequence=9, minutes=170, subject="next_update"),
    b.promise_made(number=5, sequence=10, minutes=301, due=9000, cycle=2),
    b.promise_revised(number=6, sequence=11, minutes=310, due=9900),
    b.promise_broken(number=3, sequence=12, minutes=320, subject="next_update"),
    b.promise_broken(number=4, sequence=13, minutes=330, subject="action"),
]
EVENT_COUNT = len(INTAKE) + len(TRIAGE) + len(SLA)


def interleavings(lengths: tuple[int, int, int]) -> st.SearchStrategy[list[object]]:
    turns = [topic for topic, length in enumerate(lengths) for _ in range(length)]

    def merge(order: list[int]) -> list[object]:
        streams = [iter(INTAKE), iter(TRIAGE), iter(SLA)]
        return [next(streams[topic]) for topic in order]

    return st.permutations(turns).map(merge)


CUTS = st.tuples(st.integers(1, len(INTAKE)), st.integers(2, len(TRIAGE)), st.integers(1, len(SLA)))


@settings(max_examples=200, deadline=None)
@given(data=st.data(), cut=CUTS, reachable=st.booleans())
def test_interleaving_of_topics_does_not_change_the_final_state(
    data: st.DataObject, cut: tuple[int, int, int], reachable: bool
) -> None:
    order = data.draw(interleavings(cut))
    first = b.complaint_received() if reachable else b.complaint_received(email=None)
    received = [first if event is INTAKE[0] else event for event in order]
    by_time = sorted(received, key=lambda event: event.time)
    state, _ = b.fold(received)
    other, _ = b.fold(by_time)
    assert state.model_dump() == other.model_dump()
    assert [m.kind for m in state.planned][:1] in ([], ["acknowledgement"])
    planned = [message.intent for message in state.planned]
    assert len(planned) == len(set(planned))
    mandatory = {
        key for key, intent in state.intents.items() if intent.kind in {"acknowledgement", "reopened", "resolution"}
    }
    assert mandatory <= set(planned), "a mandatory message is never superseded"
    assert_messages_contain_the_dates_they_state(state.planned)


def assert_messages_contain_the_dates_they_state(planned: tuple[NewMessage, ...]) -> None:
    """Check that a message contains the date of the promise it states, and that a message about a risk states none."""
    dates = {
        event.facts.promise: event.facts.due_at
        for event in SLA
        if isinstance(event.facts, e.PromiseMade | e.PromiseRevised)
    }
    for message in planned:
        content = message.content
        named = {"outcome": content.due_at, "next_update": content.next_update_at, "action": content.action_at}
        if message.states_promise is not None:
            assert named[content.about] == dates[message.states_promise]
        if message.kind == "holding" and content.letter is None:
            assert message.states_promise is None
            assert set(named.values()) == {None}
        assert not missing_fields(message.kind, content), "every message has the required fields of its kind"


@settings(max_examples=100, deadline=None)
@given(data=st.data(), repeated=st.lists(st.integers(0, EVENT_COUNT - 1), max_size=10))
def test_repeated_events_change_nothing(data: st.DataObject, repeated: list[int]) -> None:
    order = data.draw(interleavings((len(INTAKE), len(TRIAGE), len(SLA))))
    twice = [copy for index, event in enumerate(order) for copy in (event,) * (1 + repeated.count(index))]
    state, _ = b.fold(order)
    other, _ = b.fold(twice)
    assert state.model_dump() == other.model_dump()
    assert [m.intent for m in state.planned] == [m.intent for m in other.planned]
