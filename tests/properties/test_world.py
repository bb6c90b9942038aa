"""The four services together: whatever interleaving and repetition Kafka comes up with, they end up agreeing.

What customers state happens at its own times; then the clock stands still while news travels, in any order that Kafka
may produce: topics against each other, services at their own pace, records again after a crash, mail early or late.
"""

import asyncio
from collections import Counter
from datetime import timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from services.intake.domain import AddMessage, RecordProgress, Reopen, Resolve, Withdraw
from services.sla.domain.cycles import cycles
from services.sla.domain.history import SOURCES
from shared.contracts import INTAKE, NOTIFY, SERVICES, SLA, TRIAGE, ComplaintId
from shared.contracts import events as e
from shared.testing.simulation import Simulation
from tests.factories import NOON
from tests.simulated_services import DETECTABLE_LANGUAGES, SimulatedSender, file_complaint, simulate_services

DETECTABLE_LANGUAGES.load()
LATER = NOON + timedelta(days=20)
TEXTS = ("The parcel came late and the kettle in it is broken.", "You charged my card twice, I want a refund.")
DEEDS: dict[str, Any] = {
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
WAYS = [(reader, source) for reader in SERVICES for source in reader.sources]
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("hear"), st.sampled_from(WAYS), st.integers(1, 4)),
        st.tuples(st.just("again"), st.sampled_from(WAYS), st.integers(1, 5)),
        st.tuples(st.just("mail"), st.none(), st.integers(1, 2)),
    ),
    max_size=40,
)


async def simulated(
    scripts: list[tuple[str, ...]], steps: list[Any], repeated: int = 0
) -> tuple[Simulation, SimulatedSender, list[ComplaintId]]:
    post = SimulatedSender()
    world = simulate_services(NOON, post)
    complaints = []
    for text, script in zip(TEXTS, scripts, strict=False):
        complaints.append(await file_complaint(world, text))
        for deed in script:
            world.pass_time_alone(timedelta(minutes=1))
            await world.submit(INTAKE, DEEDS[deed](complaints[-1]))
    for what, way, count in steps:
        if what == "hear":
            await world.deliver(*way, count)
        elif what == "again":
            world.rewind(*way, count)
        else:
            await post(world, count)
    await world.settle()
    for way in world.subscriptions:
        world.rewind(*way, repeated)
    await world.pass_time(timedelta(seconds=20))  # an opening letter waits that long to be complete
    return world, post, complaints


def ends(world: Simulation, complaint: ComplaintId) -> dict[str, Any]:
    """The final states without how often they were written, and without what depends on when a mail left.

    A date that was over before triage had spoken is promised to nobody, so what became of it does not count either.
    """
    states_by_service = {name: states[complaint] for name, states in world.states().items()}
    closed = states_by_service["triage"].closed
    ended = any(cycle.ended_at for cycle in cycles(states_by_service["sla"].moments))
    silent = ("message.", "promise.") if ended else ("message.",)
    lines = [entry for entry in states_by_service["intake"].new_entries if not entry.kind.startswith(silent)]
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
    happened = [moment[:5] for moment in states_by_service["sla"].moments if moment.source != SOURCES["notify"]]
    return {"timeline": Counter((entry.kind, str(entry.facts)) for entry in lines), "happened": happened, **states}


def mandatory(world: Simulation, complaint: ComplaintId) -> Counter[str]:
    """What has to be told whatever happens, by kind and how often."""
    intents = world.states()["notify"][complaint].intents.values()
    kinds = ("acknowledgement", "resolution", "reopened", "withdrawn")
    return Counter(intent.kind for intent in intents if intent.kind in kinds and intent.result == "accepted")


@settings(max_examples=100, deadline=None)
@given(scripts=st.lists(SCRIPTS, min_size=1, max_size=2), steps=STEPS, repeated=st.integers(0, 20))
def test_any_interleaving_and_repetition_ends_in_the_same_states(
    scripts: list[Any], steps: list[Any], repeated: int
) -> None:
    calm, _, in_calm = asyncio.run(simulated(scripts, []))
    wild, post, in_wild = asyncio.run(simulated(scripts, steps, repeated))
    for expected, other in zip(in_calm, in_wild, strict=True):
        assert ends(calm, expected) == ends(wild, other)
        assert mandatory(calm, expected) == mandatory(wild, other)
    assert_nothing_is_doubled(wild, post)


def assert_nothing_is_doubled(world: Simulation, post: SimulatedSender) -> None:
    for service in SERVICES:
        assert not world.runner(service).dead
        events = world.events(service)
        for subject in {event.subject for event in events}:
            sequences = [event.sequence for event in events if event.subject == subject]
            assert sequences == list(range(1, len(sequences) + 1))
    assert max(Counter(mail.message.message_id for mail in post.mails).values()) == 1
    once = [(event.subject, event.facts) for event in world.events(SLA) if isinstance(event.facts, e.PromiseMade)]
    assert len({(subject, facts.promise) for subject, facts in once}) == len(once)
    accepted = [event.facts.message for event in world.events(NOTIFY) if isinstance(event.facts, e.MessageAccepted)]
    assert len(set(accepted)) == len(accepted) == len(post.mails)
    received = len(world.states()["intake"])
    triaged = {event.subject for event in world.events(TRIAGE) if isinstance(event.facts, e.Triaged)}
    assert len(triaged) == received
