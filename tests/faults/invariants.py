"""Invariants of the whole system. Each function yields a sentence for each violation found in the evidence.

They check the guarantees that the services document, not their implementation.
"""

from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from shared.contracts import SERVICES
from shared.contracts.topics import Service
from tests.faults.request_log import Outcome, RequestLog
from tests.faults.snapshot import NAMES, Message, Snapshot

Window = tuple[float, float]
CLOSED_STATUS = {"resolution": "resolved", "withdraw": "withdrawn"}
EXPECTED_MESSAGE = {
    "resolution": "resolution",
    "reopen": "reopened",
    "withdraw": "withdrawn",
}  # operation → kind of message
FINAL_MESSAGE_STATUS = {"accepted", "suppressed"}


@dataclass(frozen=True, slots=True)
class Evidence:
    """Input of the checks. `without_kafka`: periods in which Kafka was down and PostgreSQL was up."""

    requests: RequestLog
    snapshot: Snapshot
    without_kafka: tuple[Window, ...] = ()


def i1_accepted_is_final(evidence: Evidence) -> Iterator[str]:
    """Check that each complaint answered with 2xx reaches the same final state in all services; none missing or extra."""
    snapshot, update_outcomes, messages = (
        evidence.snapshot,
        evidence.requests.update_outcomes(),
        evidence.snapshot.messages_by_complaint(),
    )
    for key, complaint in evidence.requests.accepted().items():
        if complaint in snapshot.changed:
            continue
        if snapshot.keys.get(key) != complaint:
            yield f"{key}: answered with {complaint}, stored as {snapshot.keys.get(key)}"
            continue
        missing = [name for name in NAMES if not _has_complaint(name, snapshot.states[name].get(complaint))]
        if missing:
            yield f"{complaint} is missing in {', '.join(missing)}"
        else:
            yield from _check_final_states(snapshot, complaint, update_outcomes[key], messages[complaint])
    for complaint in snapshot.states["intake"].keys() - {
        snapshot.keys.get(key) for key in evidence.requests.create_attempts
    }:
        yield f"{complaint} was never requested"
    for attempt in evidence.requests.attempts:
        if attempt.status not in (None, 201, 503):
            yield f"{attempt.key}: a valid request ({attempt.operation}) was answered with {attempt.status}"


def _has_complaint(name: str, state: dict[str, Any] | None) -> bool:
    part = {"intake": "filed", "triage": "received", "sla": "receipt", "notify": "received"}[name]
    return bool(state and state.get(part))


def _check_final_states(
    snapshot: Snapshot, complaint: str, update_outcomes: list[tuple[str, Outcome]], messages: list[Message]
) -> Iterator[str]:
    """Check that the four final states agree and follow from the requests."""
    state = {name: snapshot.states[name][complaint] for name in NAMES}
    if any(fate != "done" for _, fate in update_outcomes):
        return  # with an unknown outcome both states are correct; refused requests are reported by the caller
    ending = next(
        (CLOSED_STATUS.get(operation, "open") for operation, _ in reversed(update_outcomes) if operation != "progress"),
        "open",
    )
    status = snapshot.statuses[complaint]
    if (status if status in CLOSED_STATUS.values() else "open") != ending:
        yield f"{complaint}: requested {ending}, status in intake is {status}"
    closed = {
        "triage": bool(state["triage"].get("closed")),
        "sla": _has_ended(state["sla"]),
    }
    yield from (
        f"{complaint}: requested {ending}, state in {n} differs"
        for n, status in closed.items()
        if status != (ending != "open")
    )
    yield from _check_messages(complaint, Counter(operation for operation, _ in update_outcomes), messages)


def _has_ended(state: dict[str, Any]) -> bool:
    """Return True if sla's history ends with a closed complaint; an entry is `[at, source, sequence, what, …]`."""
    turns = [what for _, _, _, what, *_ in state["moments"] if what in (*CLOSED_STATUS.values(), "reopened")]
    return bool(turns) and turns[-1] != "reopened"


def _check_messages(complaint: str, stated: Counter[str], messages: list[Message]) -> Iterator[str]:
    """Check that there is one message per update and that every message has a final status."""
    kinds = Counter(message["kind"] for message in messages)
    expected = {"acknowledgement": 1} | {
        EXPECTED_MESSAGE[operation]: count for operation, count in stated.items() if operation in EXPECTED_MESSAGE
    }
    if wrong := {kind: kinds[kind] for kind, count in expected.items() if kinds[kind] != count}:
        yield f"{complaint}: messages {wrong}, expected {expected}"
    for message in messages:
        lost_progress = (
            message["kind"] == "progress" and message["status"] == "uncertain" and message["next_attempt_at"] is None
        )
        if message["status"] not in FINAL_MESSAGE_STATUS and not lost_progress:
            yield f"{complaint}: {message['kind']} is {message['status']}"


def i2_no_duplicates(evidence: Evidence) -> Iterator[str]:
    """Check for one state change per consumer and event, and one message per complaint, cause and recipient."""
    snapshot = evidence.snapshot
    for service in SERVICES:
        attempts: dict[tuple[str, str, str], set[str]] = defaultdict(set)
        for _, event in snapshot.events(service.topic):
            if cause := event.get("causationid"):
                attempts[cause, event["type"], str(event["data"]["facts"])].add(event["id"])
        yield from (
            f"{service.name} published {k[1]} twice for one cause" for k, ids in attempts.items() if len(ids) > 1
        )
    accepted = Counter(
        event["data"]["facts"]["message"]
        for event in {e["id"]: e for _, e in snapshot.events("complaints.notify.v1")}.values()
        if event["type"] == "redress.message.accepted.v1"
    )
    yield from (f"message {message} was accepted {count} times" for message, count in accepted.items() if count > 1)
    causes = Counter((str(m["complaint_id"]), m["kind"], m["caused_at"], m["recipient"]) for m in snapshot.messages)
    yield from (
        f"{cause[0]}: {count} messages {cause[1]} for one cause" for cause, count in causes.items() if count > 1
    )
    yield from _check_mails(snapshot)


def _check_mails(snapshot: Snapshot) -> Iterator[str]:
    """Check that each accepted message is in the mailbox, with at most one more copy per uncertain attempt."""
    for message in snapshot.messages:
        copies = snapshot.mails.get(str(message["message_id"]), 0)
        if message["status"] == "accepted" and not copies:
            yield f"{message['kind']} of {message['complaint_id']} is marked accepted but is not in the mailbox"
        if copies > 1 + message["uncertain"]:
            yield f"{message['kind']} of {message['complaint_id']} arrived {copies} times, {message['uncertain']} were uncertain"
    unknown_mails = snapshot.mails.keys() - {str(message["message_id"]) for message in snapshot.messages}
    yield from (f"mail {mail} belongs to no message" for mail in unknown_mails)


def i3_events_in_order(evidence: Evidence) -> Iterator[str]:
    """Check per complaint and source that `sequence` counts 1, 2, 3, … on Kafka and that events are applied in order."""
    snapshot = evidence.snapshot
    kinds: dict[tuple[str, str], list[str]] = {}
    for service in SERVICES:
        for subject, events in _events_by_complaint(snapshot, service.topic).items():
            sequences = [int(event["sequence"]) for event in events]
            if sequences != list(range(1, len(sequences) + 1)):
                yield f"{service.name} published sequences {sequences} of {subject}"
            sequence = snapshot.states[service.name].get(subject, {}).get("said", 0)
            if sequence != len(sequences):
                yield f"{service.name} stored {sequence} as number of events of {subject}, {len(sequences)} are on Kafka"
            kinds[service.name, subject] = [_kind(event) for event in events]
    yield from _check_timelines(snapshot, kinds)


def _check_timelines(snapshot: Snapshot, kinds: dict[tuple[str, str], list[str]]) -> Iterator[str]:
    """Check that intake's timelines contain the events of each source in the order they were published."""
    intake = SERVICES[0]
    subscribed = {fact.kind for fact in intake.subscribes}
    for source in SERVICES:
        own = {fact.kind for fact in source.publishes} & (
            subscribed if source is not intake else {f.kind for f in source.publishes}
        )
        for subject, lines in snapshot.timeline.items():
            public = [kind for kind in lines if kind in own]
            published = [kind for kind in kinds.get((source.name, subject), []) if kind in own]
            if public != published:
                yield f"{subject}: {source.name} published {published}, the timeline contains {public}"


def _events_by_complaint(snapshot: Snapshot, topic: str) -> dict[str, list[dict[str, Any]]]:
    """Return the events of a topic by complaint, in order, without later copies."""
    streams: dict[str, dict[str, dict[str, Any]]] = defaultdict(dict)
    for _, event in snapshot.events(topic):
        streams[event["subject"]].setdefault(event["id"], event)
    return {subject: list(events.values()) for subject, events in streams.items()}


def _kind(event: dict[str, Any]) -> str:
    return str(event["type"]).removeprefix("redress.").rpartition(".")[0]


def i4_outbox_equals_kafka(evidence: Evidence) -> Iterator[str]:
    """Check that no unpublished row is older than a second and that outbox and Kafka contain the same events."""
    snapshot = evidence.snapshot
    for service in SERVICES:
        if (age := snapshot.unpublished[service.name]) >= 1:
            yield f"{service.name}: the oldest unpublished row is {age:.1f} s old"
        events = {row.event for row in snapshot.outbox[service.name] if row.topic == service.topic}
        published = {event["id"] for _, event in snapshot.events(service.topic)}
        if lost := events - published:
            yield f"{service.name}: {len(lost)} events are in the outbox only"
        if unexpected := published - events:
            yield f"{service.name}: {len(unexpected)} events are on Kafka only"


def i5_offsets_after_processing(evidence: Evidence) -> Iterator[str]:
    """Check that committed offsets never passed an unprocessed event and that no lag remains."""
    snapshot = evidence.snapshot
    for service in SERVICES:
        for (topic, partition), lag in snapshot.lag_by_partition(service).items():
            yield f"{service.name} is {lag} behind on {topic}/{partition}"
        yield from _check_committed_offsets(service, snapshot)


def _check_committed_offsets(service: Service, snapshot: Snapshot) -> Iterator[str]:
    """Check each sample of committed offsets against the inbox.

    Inbox rows are never deleted during a run, so each record is checked once, in the first sample whose committed
    offset is beyond it.
    """
    ahead: dict[tuple[str, int], deque[tuple[int, str]]] = defaultdict(deque)
    for (topic, partition, offset), event in _subscribed_events(service, snapshot):
        ahead[topic, partition].append((offset, event))
    handled: set[str] = set()
    for sample in (sample for sample in snapshot.samples if sample.service == service.name):
        handled |= sample.handled
        passed = 0
        for part, records in ahead.items():
            while records and records[0][0] < sample.committed.get(part, 0):
                passed += records.popleft()[1] not in handled
        if passed:
            yield f"{sample.service} committed offsets beyond {passed} events that were not processed"


def i6_dead_letters_are_malformed_records(evidence: Evidence) -> Iterator[str]:
    """Check that exactly the malformed records are dead letters and that all other events were processed."""
    snapshot = evidence.snapshot
    for service in SERVICES:
        topics = {source.topic for source in service.sources}
        sent = {position for position in snapshot.malformed if position[0] in topics}
        buried = [
            (letter["topic"], letter["partition"], letter["record_offset"])
            for letter in snapshot.dead_letters[service.name]
        ]
        if valid := [letter for letter in snapshot.dead_letters[service.name] if _position(letter) not in sent]:
            yield f"{service.name} has {len(valid)} valid records as dead letters, e.g. {valid[0]}"
        if missing := sent - set(buried):
            yield f"{service.name} has {len(missing)} of {len(sent)} malformed records not as dead letters, e.g. {min(missing)}"
        if len(buried) != len(set(buried)):
            yield f"{service.name} has two dead letters of one record"
        announced = len({record.position for record in snapshot.records.get(service.dead_topic, ())})
        if announced < len(buried):
            yield f"{service.name} published {announced} of {len(buried)} dead letters on its dead topic"
        unprocessed = {event for _, event in _subscribed_events(service, snapshot)} - snapshot.inbox[service.name]
        if unprocessed:
            yield f"{service.name} has not processed {len(unprocessed)} events"


def _position(letter: dict[str, Any]) -> tuple[str, int, int]:
    return letter["topic"], letter["partition"], letter["record_offset"]


def _subscribed_events(service: Service, snapshot: Snapshot) -> list[tuple[tuple[str, int, int], str]]:
    subscribed = {fact.wire_type() for fact in service.subscribes}
    return [
        (position, event["id"])
        for source in service.sources
        for position, event in snapshot.events(source.topic)
        if event["type"] in subscribed
    ]


def i8_counts_agree(evidence: Evidence) -> Iterator[str]:
    """Check that all four schemas contain the same number of complaints, each with a status."""
    snapshot = evidence.snapshot
    received = len(snapshot.states["intake"])
    groups = Counter(snapshot.statuses.values())
    if groups["unknown"]:
        yield f"{groups['unknown']} complaints were created only by events of other services"
    for name in NAMES:
        if len(snapshot.states[name]) != received:
            yield f"intake has {received} complaints, {name} has {len(snapshot.states[name])}"


def i11_accepts_without_kafka(evidence: Evidence) -> Iterator[str]:
    """Check that intake accepts every valid complaint at the first request while Kafka is down."""
    for begin, end in evidence.without_kafka:
        attempts = [attempt for attempt in evidence.requests.within(begin, end) if attempt.operation == "file"]
        if not attempts:
            yield f"no complaint was filed while Kafka was down for {end - begin:.0f} s"
        failed = [attempt for attempt in attempts if attempt.status != 201]
        yield from (f"{attempt.key}: answered {attempt.status} while Kafka was down" for attempt in failed)


INVARIANTS: dict[str, Callable[[Evidence], Iterable[str]]] = {
    "I1": i1_accepted_is_final,
    "I2": i2_no_duplicates,
    "I3": i3_events_in_order,
    "I4": i4_outbox_equals_kafka,
    "I5": i5_offsets_after_processing,
    "I6": i6_dead_letters_are_malformed_records,
    "I8": i8_counts_agree,
    "I11": i11_accepts_without_kafka,
}


def summarize(sentences: Iterable[str], most: int = 5) -> list[str]:
    """Return the first `most` sentences and the number of the others."""
    violations = list(sentences)
    return [*violations[:most], *([f"... and {len(violations) - most} more"] if len(violations) > most else [])]


__all__ = ["INVARIANTS", "Evidence", "summarize"]
