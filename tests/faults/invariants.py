"""The invariants, each as a function of ledger and picture: what is wrong, in sentences; nothing when it holds.

Written against what the services promise (contracts, 7 sentences below), not against how they do it.
"""

from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from shared.contracts import SERVICES
from shared.contracts.topics import Service
from tests.faults.request_log import Fate, Ledger
from tests.faults.snapshot import NAMES, Message, Picture

Window = tuple[float, float]
CLOSING = {"resolution": "resolved", "withdraw": "withdrawn"}
TOLD = {"resolution": "resolution", "reopen": "reopened", "withdraw": "withdrawn"}  # deed → kind of message
FINAL = {"accepted", "suppressed"}


@dataclass(frozen=True, slots=True)
class Case:
    """All evidence. `without_kafka` are the times when Kafka was away and PostgreSQL was not."""

    ledger: Ledger
    picture: Picture
    without_kafka: tuple[Window, ...] = ()


def i1_accepted_is_final(case: Case) -> Iterator[str]:
    """Every complaint answered with 2xx reaches exactly one final state in every service; none is missing or extra."""
    picture, deeds, messages = case.picture, case.ledger.deeds(), case.picture.messages_by_complaint()
    for key, complaint in case.ledger.accepted().items():
        if complaint in picture.moved:
            continue
        if picture.keys.get(key) != complaint:
            yield f"{key}: answered with {complaint}, kept as {picture.keys.get(key)}"
            continue
        missing = [name for name in NAMES if not _knows(name, picture.states[name].get(complaint))]
        if missing:
            yield f"{complaint} is missing in {', '.join(missing)}"
        else:
            yield from _agrees(picture, complaint, deeds[key], messages[complaint])
    for complaint in picture.states["intake"].keys() - {picture.keys.get(key) for key in case.ledger.filings}:
        yield f"{complaint} was never asked for"
    for attempt in case.ledger.attempts:
        if attempt.status not in (None, 201, 503):
            yield f"{attempt.key}: a valid request ({attempt.deed}) was answered with {attempt.status}"


def _knows(name: str, state: dict[str, Any] | None) -> bool:
    part = {"intake": "filed", "triage": "received", "sla": "receipt", "notify": "received"}[name]
    return bool(state and state.get(part))


def _agrees(picture: Picture, complaint: str, deeds: list[tuple[str, Fate]], messages: list[Message]) -> Iterator[str]:
    """The four final states say the same, and it is one that the ledger allows."""
    state = {name: picture.states[name][complaint] for name in NAMES}
    if any(fate != "done" for _, fate in deeds):
        return  # either end is right where it is unknown; what was refused is told above
    ending = next((CLOSING.get(deed, "open") for deed, _ in reversed(deeds) if deed != "progress"), "open")
    status = picture.statuses[complaint]
    if (status if status in CLOSING.values() else "open") != ending:
        yield f"{complaint}: stated {ending}, intake says {status}"
    closed = {
        "triage": bool(state["triage"].get("closed")),
        "sla": _has_ended(state["sla"]),
    }
    yield from (
        f"{complaint}: stated {ending}, {n} disagrees" for n, status in closed.items() if status != (ending != "open")
    )
    yield from _messages_agree(complaint, Counter(deed for deed, _ in deeds), messages)


def _has_ended(state: dict[str, Any]) -> bool:
    """Whether the last ending that sla heard of stands; a moment is `[at, source, sequence, what, …]`."""
    turns = [what for _, _, _, what, *_ in state["moments"] if what in (*CLOSING.values(), "reopened")]
    return bool(turns) and turns[-1] != "reopened"


def _messages_agree(complaint: str, stated: Counter[str], messages: list[Message]) -> Iterator[str]:
    """The customer was told each of these, once, and every message has come to its end."""
    kinds = Counter(message["kind"] for message in messages)
    wanted = {"acknowledgement": 1} | {TOLD[deed]: count for deed, count in stated.items() if deed in TOLD}
    if wrong := {kind: kinds[kind] for kind, count in wanted.items() if kinds[kind] != count}:
        yield f"{complaint}: messages {wrong}, expected {wanted}"
    for message in messages:
        lost_progress = (
            message["kind"] == "progress" and message["status"] == "uncertain" and message["next_attempt_at"] is None
        )
        if message["status"] not in FINAL and not lost_progress:
            yield f"{complaint}: {message['kind']} is {message['status']}"


def i2_nothing_twice(case: Case) -> Iterator[str]:
    """One state change per consumer and event; one logical message per (complaint, cause, recipient)."""
    picture = case.picture
    for service in SERVICES:
        attempts: dict[tuple[str, str, str], set[str]] = defaultdict(set)
        for _, event in picture.events(service.topic):
            if cause := event.get("causationid"):
                attempts[cause, event["type"], str(event["data"]["facts"])].add(event["id"])
        yield from (f"{service.name} said {k[1]} twice of one cause" for k, ids in attempts.items() if len(ids) > 1)
    accepted = Counter(
        event["data"]["facts"]["message"]
        for event in {e["id"]: e for _, e in picture.events("complaints.notify.v1")}.values()
        if event["type"] == "redress.message.accepted.v1"
    )
    yield from (f"message {message} was accepted {count} times" for message, count in accepted.items() if count > 1)
    causes = Counter((str(m["complaint_id"]), m["kind"], m["caused_at"], m["recipient"]) for m in picture.messages)
    yield from (f"{cause[0]}: {count} messages {cause[1]} of one cause" for cause, count in causes.items() if count > 1)
    yield from _mails(picture)


def _mails(picture: Picture) -> Iterator[str]:
    """Each accepted message is in the mailbox; more than once only as often as nobody knew whether it had arrived."""
    for message in picture.messages:
        copies = picture.mails.get(str(message["message_id"]), 0)
        if message["status"] == "accepted" and not copies:
            yield f"{message['kind']} of {message['complaint_id']} was accepted by nobody"
        if copies > 1 + message["uncertain"]:
            yield f"{message['kind']} of {message['complaint_id']} arrived {copies} times, {message['uncertain']} were uncertain"
    strangers = picture.mails.keys() - {str(message["message_id"]) for message in picture.messages}
    yield from (f"mail {mail} is of no message" for mail in strangers)


def i3_in_order(case: Case) -> Iterator[str]:
    """`sequence` is contiguous from 1 per complaint and source, stands on Kafka in that order, and is applied in it."""
    picture = case.picture
    kinds: dict[tuple[str, str], list[str]] = {}
    for service in SERVICES:
        for subject, events in _streams(picture, service.topic).items():
            sequences = [int(event["sequence"]) for event in events]
            if sequences != list(range(1, len(sequences) + 1)):
                yield f"{service.name} said of {subject}: {sequences}"
            sequence = picture.states[service.name].get(subject, {}).get("said", 0)
            if sequence != len(sequences):
                yield f"{service.name} remembers {sequence} events of {subject}, {len(sequences)} are on Kafka"
            kinds[service.name, subject] = [_kind(event) for event in events]
    yield from _applied(picture, kinds)


def _applied(picture: Picture, kinds: dict[tuple[str, str], list[str]]) -> Iterator[str]:
    """Intake's timelines keep what was heard in the order of hearing: each source's part must be its stream."""
    intake = SERVICES[0]
    subscribed = {fact.kind for fact in intake.subscribes}
    for source in SERVICES:
        own = {fact.kind for fact in source.publishes} & (
            subscribed if source is not intake else {f.kind for f in source.publishes}
        )
        for subject, lines in picture.timeline.items():
            public = [kind for kind in lines if kind in own]
            published = [kind for kind in kinds.get((source.name, subject), []) if kind in own]
            if public != published:
                yield f"{subject}: {source.name} said {published}, the timeline has {public}"


def _streams(picture: Picture, topic: str) -> dict[str, list[dict[str, Any]]]:
    """By complaint, each event where it first stands."""
    streams: dict[str, dict[str, dict[str, Any]]] = defaultdict(dict)
    for _, event in picture.events(topic):
        streams[event["subject"]].setdefault(event["id"], event)
    return {subject: list(events.values()) for subject, events in streams.items()}


def _kind(event: dict[str, Any]) -> str:
    return str(event["type"]).removeprefix("redress.").rpartition(".")[0]


def i4_outbox_is_kafka(case: Case) -> Iterator[str]:
    """Nothing unpublished is older than a second; the outbox and Kafka hold the same events."""
    picture = case.picture
    for service in SERVICES:
        if (age := picture.unpublished[service.name]) >= 1:
            yield f"{service.name}: the oldest unpublished row is {age:.1f} s old"
        events = {row.event for row in picture.outbox[service.name] if row.topic == service.topic}
        there = {event["id"] for _, event in picture.events(service.topic)}
        if lost := events - there:
            yield f"{service.name}: {len(lost)} events are in the outbox only"
        if strange := there - events:
            yield f"{service.name}: {len(strange)} events are on Kafka only"


def i5_offsets_follow_work(case: Case) -> Iterator[str]:
    """Committed offsets never passed what was processed, and in the end nothing waits."""
    picture = case.picture
    for service in SERVICES:
        for (topic, partition), lag in picture.left(service).items():
            yield f"{service.name} is {lag} behind on {topic}/{partition}"
        yield from _passed(service, picture)


def _passed(service: Service, picture: Picture) -> Iterator[str]:
    """What was heard stays heard, so each record is looked at once: when it is first passed."""
    ahead: dict[tuple[str, int], deque[tuple[int, str]]] = defaultdict(deque)
    for (topic, partition, offset), event in _heard_by(service, picture):
        ahead[topic, partition].append((offset, event))
    handled: set[str] = set()
    for glance in (glance for glance in picture.glances if glance.service == service.name):
        handled |= glance.handled
        passed = 0
        for part, records in ahead.items():
            while records and records[0][0] < glance.committed.get(part, 0):
                passed += records.popleft()[1] not in handled
        if passed:
            yield f"{glance.service} had committed past {passed} events that it had not processed"


def i6_dead_letters_are_poison(case: Case) -> Iterator[str]:
    """Dead letters are the poison sent, exactly; every neighbour was processed."""
    picture = case.picture
    for service in SERVICES:
        topics = {source.topic for source in service.sources}
        sent = {place for place in picture.poison if place[0] in topics}
        buried = [
            (letter["topic"], letter["partition"], letter["record_offset"]) for letter in picture.dead[service.name]
        ]
        if innocent := [letter for letter in picture.dead[service.name] if _place(letter) not in sent]:
            yield f"{service.name} buried {len(innocent)} that are no poison, e.g. {innocent[0]}"
        if survived := sent - set(buried):
            yield f"{service.name} did not bury {len(survived)} of {len(sent)} poisons, e.g. {min(survived)}"
        if len(buried) != len(set(buried)):
            yield f"{service.name} buried a record twice"
        announced = len({record.place for record in picture.records.get(service.dead_topic, ())})
        if announced < len(buried):
            yield f"{service.name} announced {announced} of {len(buried)} dead letters"
        left = {event for _, event in _heard_by(service, picture)} - picture.inbox[service.name]
        if left:
            yield f"{service.name} has not processed {len(left)} events"


def _place(letter: dict[str, Any]) -> tuple[str, int, int]:
    return letter["topic"], letter["partition"], letter["record_offset"]


def _heard_by(service: Service, picture: Picture) -> list[tuple[tuple[str, int, int], str]]:
    hears = {fact.wire_type() for fact in service.subscribes}
    return [
        (place, event["id"])
        for source in service.sources
        for place, event in picture.events(source.topic)
        if event["type"] in hears
    ]


def i8_conservation(case: Case) -> Iterator[str]:
    """Received = open + resolved + withdrawn, in all four schemas."""
    picture = case.picture
    received = len(picture.states["intake"])
    groups = Counter(picture.statuses.values())
    if groups["unknown"]:
        yield f"{groups['unknown']} complaints are known from others only"
    for name in NAMES:
        if len(picture.states[name]) != received:
            yield f"intake has {received} complaints, {name} has {len(picture.states[name])}"


def i11_accepts_without_kafka(case: Case) -> Iterator[str]:
    """While Kafka is away intake accepts every valid complaint, at the first request."""
    for begin, end in case.without_kafka:
        filings = [attempt for attempt in case.ledger.within(begin, end) if attempt.deed == "file"]
        if not filings:
            yield f"nobody asked while Kafka was away for {end - begin:.0f} s"
        failed = [attempt for attempt in filings if attempt.status != 201]
        yield from (f"{attempt.key}: answered {attempt.status} while Kafka was away" for attempt in failed)


INVARIANTS: dict[str, Callable[[Case], Iterable[str]]] = {
    "I1": i1_accepted_is_final,
    "I2": i2_nothing_twice,
    "I3": i3_in_order,
    "I4": i4_outbox_is_kafka,
    "I5": i5_offsets_follow_work,
    "I6": i6_dead_letters_are_poison,
    "I8": i8_conservation,
    "I11": i11_accepts_without_kafka,
}


def summary(sentences: Iterable[str], most: int = 5) -> list[str]:
    """The first few, and how many more there are."""
    violations = list(sentences)
    return [*violations[:most], *([f"... and {len(violations) - most} more"] if len(violations) > most else [])]


__all__ = ["INVARIANTS", "Case", "summary"]
