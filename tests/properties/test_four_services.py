"""Properties of the four services together: any interleaving and repetition of deliveries gives the same final states.

Commands are submitted to intake one minute apart. Then the clock stops and events are delivered in any order that Kafka
can produce: topics interleaved, services at different positions, records repeated as after a crash, mails sent early or
late.
"""

import asyncio
from collections import Counter
from datetime import timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from services.intake.domain import AddMessage, RecordProgress, Reopen, Resolve, Withdraw
from services.sla.domain.history import SOURCES, cycles
from shared.contracts import INTAKE, NOTIFY, SERVICES, SLA, TRIAGE, ComplaintId
from shared.contracts import events as e
from shared.testing.simulation import Simulation
from tests.factories import NOON
from tests.simulated_services import DETECTABLE_LANGUAGES, SimulatedSender, file_complaint, simulate_services

DETECTABLE_LANGUAGES.load()
LATER = NOON + timedelta(days=20)
TEXTS = ("The parcel came late and the kettle in it is broken.", "You charged my card twice, I want a refund.")
COMMANDS: dict[str, Any] = {
    "progress": lambda complaint: RecordProgress(complaint, state="investigating", note="We asked the driver."),
    "move": lambda complaint: RecordProgress(
        complaint, state="investigating", expected_at=LATER, reason="supplier_delay"
    ),
    "ask": lambda complaint: RecordProgress(complaint, state="awaiting_customer", note="Which colour?"),
    "message": lambda complaint: AddMessage(complaint, author="customer", text="Blue."),
    "resolve": lambda complaint: Resolve(complaint, outcome="upheld", explanation="Sorry. A new one is on its way."),
    "reopen": lambda complaint: Reopen(complaint, by="customer", reason="It leaks as well."),
    "withdraw": Withdraw,
}
OPEN = st.lists(st.sampled_from(("progress", "move", "ask", "message")), max_size=2)
ENDINGS = st.sampled_from(
    ((), ("resolve",), ("withdraw",), ("resolve", "reopen"), ("resolve", "reopen", "resolve"), ("withdraw", "reopen"))
)
SCRIPTS = st.tuples(OPEN, ENDINGS).map(lambda parts: (*parts[0], *parts[1]))
SUBSCRIPTIONS = [(reader, source) for reader in SERVICES for source in reader.sources]
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("deliver"), st.sampled_from(SUBSCRIPTIONS), st.integers(1, 4)),
        st.tuples(st.just("repeat"), st.sampled_from(SUBSCRIPTIONS), st.integers(1, 5)),
        st.tuples(st.just("mail"), st.none(), st.integers(1, 2)),
    ),
    max_size=40,
)


async def run_simulation(
    scripts: list[tuple[str, ...]], steps: list[Any], repeated: int = 0
) -> tuple[Simulation, SimulatedSender, list[ComplaintId]]:
    post = SimulatedSender()
    simulation = simulate_services(NOON, post)
    complaints = []
    for text, script in zip(TEXTS, scripts, strict=False):
        complaints.append(await file_complaint(simulation, text))
        for name in script:
            simulation.pass_time_alone(timedelta(minutes=1))
            await simulation.submit(INTAKE, COMMANDS[name](complaints[-1]))
    for step, subscription, count in steps:
        if step == "deliver":
            await simulation.deliver(*subscription, count)
        elif step == "repeat":
            simulation.rewind(*subscription, count)
        else:
            await post(simulation, count)
    await simulation.settle()
    for subscription in simulation.subscriptions:
        simulation.rewind(*subscription, repeated)
    await simulation.pass_time(timedelta(seconds=20))  # an acknowledgement waits this long for missing data
    return simulation, post, complaints


def comparable_states(simulation: Simulation, complaint: ComplaintId) -> dict[str, Any]:
    """Return the final states without versions and sequences, and without fields that depend on the time of a mail.

    A cycle that ended before triage gets no promise. Promises of cases with an ended cycle are therefore left out.
    """
    states_by_service = {name: states[complaint] for name, states in simulation.states().items()}
    closed = states_by_service["triage"].closed
    ended = any(cycle.ended_at for cycle in cycles(states_by_service["sla"].moments))
    ignored_kinds = ("message.", "promise.") if ended else ("message.",)
    lines = [entry for entry in states_by_service["intake"].new_entries if not entry.kind.startswith(ignored_kinds)]
    dropped = {
        "intake": {"delivery"},
        "triage": set(),
        "sla": {"moments", "tellings", "due_at", "is_open", "tightest_at", "promised_at", "last_due_at"},
        "notify": {"intents", "owes_date", "due_at"},
    }
    always = {"complaint_id", "last_sequence", "version"}
    dates = {"promise", "first_promise"} if closed else set()
    states = {
        name: states_by_service[name].model_dump(exclude={*always, *dates, *dropped[name]})
        for name in states_by_service
    }
    moments = [moment[:5] for moment in states_by_service["sla"].moments if moment.source != SOURCES["notify"]]
    return {"timeline": Counter((entry.kind, str(entry.facts)) for entry in lines), "moments": moments, **states}


def count_mandatory_messages(simulation: Simulation, complaint: ComplaintId) -> Counter[str]:
    """Count the accepted messages of the mandatory kinds by kind."""
    intents = simulation.states()["notify"][complaint].intents.values()
    kinds = ("acknowledgement", "resolution", "reopened", "withdrawn")
    return Counter(intent.kind for intent in intents if intent.kind in kinds and intent.result == "accepted")


@settings(max_examples=100, deadline=None)
@given(scripts=st.lists(SCRIPTS, min_size=1, max_size=2), steps=STEPS, repeated=st.integers(0, 20))
def test_any_interleaving_and_repetition_of_deliveries_ends_in_the_same_states(
    scripts: list[Any], steps: list[Any], repeated: int
) -> None:
    ordered, _, ordered_ids = asyncio.run(run_simulation(scripts, []))
    shuffled, post, shuffled_ids = asyncio.run(run_simulation(scripts, steps, repeated))
    for expected, other in zip(ordered_ids, shuffled_ids, strict=True):
        assert comparable_states(ordered, expected) == comparable_states(shuffled, other)
        assert count_mandatory_messages(ordered, expected) == count_mandatory_messages(shuffled, other)
    assert_no_duplicates(shuffled, post)


def assert_no_duplicates(simulation: Simulation, post: SimulatedSender) -> None:
    for service in SERVICES:
        assert not simulation.runner(service).dead
        events = simulation.events(service)
        for subject in {event.subject for event in events}:
            sequences = [event.sequence for event in events if event.subject == subject]
            assert sequences == list(range(1, len(sequences) + 1))
    assert max(Counter(mail.message.message_id for mail in post.mails).values()) == 1
    promises_made = [
        (event.subject, event.facts) for event in simulation.events(SLA) if isinstance(event.facts, e.PromiseMade)
    ]
    assert len({(subject, facts.promise) for subject, facts in promises_made}) == len(promises_made)
    accepted = [
        event.facts.message for event in simulation.events(NOTIFY) if isinstance(event.facts, e.MessageAccepted)
    ]
    assert len(set(accepted)) == len(accepted) == len(post.mails)
    received = len(simulation.states()["intake"])
    triaged = {event.subject for event in simulation.events(TRIAGE) if isinstance(event.facts, e.Triaged)}
    assert len(triaged) == received
