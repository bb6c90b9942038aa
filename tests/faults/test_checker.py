"""Checker of the invariants: correct evidence has no violation, and each kind of wrong evidence is reported."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from shared.contracts import SERVICES
from tests.faults.invariants import INVARIANTS, Evidence
from tests.faults.request_log import Attempt, RequestLog, RequestLogWriter, read_logs
from tests.faults.snapshot import NAMES, OutboxRow, ProgressSample, Record, Snapshot, exclude_complaints

ID, MAIL = "c1", "m1"
NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
PUBLISHED_KINDS = {
    "intake": ("complaint.received", "complaint.resolved"),
    "triage": ("complaint.triaged", "complaint.assigned"),
    "sla": ("promise.made", "promise.kept"),
    "notify": ("message.accepted", "message.accepted"),
}
TOPIC = {service.name: service.topic for service in SERVICES}


def make_record(name: str, sequence: int) -> Record:
    kind = PUBLISHED_KINDS[name][sequence - 1]
    event = {
        "id": f"{name}-{sequence}",
        "source": f"/redress/{name}",
        "type": f"redress.{kind}.v1",
        "subject": ID,
        "sequence": f"{sequence:010d}",
        "causationid": f"cause-{sequence}",
        "data": {"facts": {"message": f"{MAIL}-{sequence}"}},
    }
    return Record((TOPIC[name], 0, sequence - 1), event)


def make_message(number: int, kind: str) -> dict[str, Any]:
    return {
        "message_id": f"{MAIL}-{number}",
        "complaint_id": ID,
        "kind": kind,
        "caused_at": NOON.replace(minute=number),
        "recipient": "customer",
        "status": "accepted",
        "next_attempt_at": None,
        "uncertain": 0,
    }


def correct_evidence() -> Evidence:
    """Return evidence of one complaint, filed and resolved, with two messages and no violation."""
    attempts = [
        Attempt("k", "k", "file", 1.0, 1.1, 201, {"id": ID}),
        Attempt("k-0", "k", "resolution", 2.0, 2.1, 201, {"id": ID}),
    ]
    states: dict[str, dict[str, Any]] = {
        "intake": {"filed": {}, "said": 2},
        "triage": {"received": True, "closed": True, "said": 2},
        "sla": {"receipt": {"channel": "web"}, "moments": [["t", 0, 2, "resolved", "", "t"]], "said": 2},
        "notify": {"received": {}, "said": 2} | {"received": {"reference": "R"}},
    }
    states["intake"]["filed"] = {"reference": "R"}
    handled = {
        service.name: {
            f"{source.name}-{n}"
            for source in service.sources
            for n, kind in enumerate(PUBLISHED_KINDS[source.name], 1)
            if kind in {fact.kind for fact in service.subscribes}
        }
        for service in SERVICES
    }
    ends = {(topic, 0): 2 for topic in TOPIC.values()}
    snapshot = Snapshot(
        states={name: {ID: state} for name, state in states.items()},
        statuses={ID: "resolved"},
        keys={"k": ID},
        timeline={ID: [kind for name in NAMES for kind in PUBLISHED_KINDS[name]]},
        inbox=handled,
        dead_letters={name: [] for name in NAMES},
        outbox={name: [OutboxRow(TOPIC[name], f"{name}-{n}", ID) for n in (1, 2)] for name in NAMES},
        unpublished=dict.fromkeys(NAMES, 0.0),
        messages=[make_message(1, "acknowledgement"), make_message(2, "resolution")],
        records={TOPIC[name]: [make_record(name, 1), make_record(name, 2)] for name in NAMES},
        committed={name: dict(ends) for name in NAMES},
        mails=Counter({f"{MAIL}-1": 1, f"{MAIL}-2": 1}),
        samples=[ProgressSample(name, dict(ends), frozenset(handled[name])) for name in NAMES],
    )
    return Evidence(RequestLog(attempts), snapshot, ((0.5, 1.5),))


def violated_invariants(evidence: Evidence) -> set[str]:
    return {name for name, check in INVARIANTS.items() if list(check(evidence))}


def test_correct_evidence_violates_no_invariant() -> None:
    assert violated_invariants(correct_evidence()) == set()


def _remove_state(name: str) -> Callable[[Evidence], Any]:
    return lambda e: e.snapshot.states[name].pop(ID)


def _repeat_last(topic: str, change: dict[str, Any]) -> Callable[[Evidence], Any]:
    """Return a function that appends a copy of the topic's last record with `change` applied."""

    def append(evidence: Evidence) -> None:
        last = evidence.snapshot.records[topic][-1]
        assert last.event is not None
        evidence.snapshot.records[topic].append(Record((topic, 0, 2), last.event | change))

    return append


def _add_dead_letter(evidence: Evidence) -> None:
    evidence.snapshot.dead_letters["sla"].append(
        {"topic": TOPIC["intake"], "partition": 0, "record_offset": 1, "status": "buried", "error": ""}
    )


VIOLATIONS: list[tuple[str, str, Callable[[Evidence], Any]]] = [
    ("an accepted complaint is missing in one service", "I1", _remove_state("sla")),
    ("the id in the response is not the stored one", "I1", lambda e: e.snapshot.keys.update(k="c2")),
    ("a complaint without a request", "I1", lambda e: e.snapshot.states["intake"].update(c2={})),
    ("a resolved complaint is open in one service", "I1", lambda e: e.snapshot.states["triage"][ID].update(closed=False)),
    ("the resolution is missing in intake", "I1", lambda e: e.snapshot.statuses.update({ID: "open"})),
    ("no message about the resolution", "I1", lambda e: e.snapshot.messages.pop()),
    ("a message without a final status", "I1", lambda e: e.snapshot.messages[0].update(status="sending")),
    ("a valid complaint was refused", "I1", lambda e: e.requests.attempts.append(Attempt("k", "k", "file", 9, 9, 422))),
    ("one cause, two promises", "I2", _repeat_last(TOPIC["sla"], {"id": "sla-x"})),
    ("accepted twice", "I2", _repeat_last(TOPIC["notify"], {"id": "notify-x", "causationid": None})),
    ("one cause, two messages", "I2", lambda e: e.snapshot.messages.append(make_message(2, "resolution"))),
    ("a mail sent twice without an uncertain attempt", "I2", lambda e: e.snapshot.mails.update([f"{MAIL}-1"])),
    ("an accepted mail is not in the mailbox", "I2", lambda e: e.snapshot.mails.pop(f"{MAIL}-1")),
    ("a mail without a message", "I2", lambda e: e.snapshot.mails.update(["unknown"])),
    ("a gap in the sequence", "I3", lambda e: e.snapshot.records[TOPIC["triage"]].pop(0)),
    ("published out of order", "I3", lambda e: e.snapshot.records[TOPIC["triage"]].reverse()),
    ("applied out of order", "I3", lambda e: e.snapshot.timeline[ID].reverse()),
    ("applied twice", "I3", lambda e: e.snapshot.timeline[ID].append("promise.kept")),
    ("in the outbox but not on Kafka", "I4", lambda e: e.snapshot.outbox["sla"].append(OutboxRow(TOPIC["sla"], "sla-3", ID))),
    ("on Kafka but not in the outbox", "I4", lambda e: e.snapshot.outbox["sla"].pop()),
    ("an old unpublished row", "I4", lambda e: e.snapshot.unpublished.update(intake=7.0)),
    ("a lag that remains", "I5", lambda e: e.snapshot.committed["sla"].update({(TOPIC["intake"], 0): 1})),
    ("an offset committed before processing", "I5", lambda e: e.snapshot.samples.insert(0, ProgressSample("sla", {(TOPIC["intake"], 0): 2}, frozenset()))),
    ("a valid record is a dead letter", "I6", _add_dead_letter),
    ("a malformed record is no dead letter", "I6", lambda e: setattr(e.snapshot, "malformed", frozenset({(TOPIC["intake"], 3, 9)}))),
    ("a valid record next to it was not processed", "I6", lambda e: e.snapshot.inbox["sla"].clear()),
    ("one service has fewer complaints", "I8", _remove_state("triage")),
    ("refused while Kafka was down", "I11", lambda e: setattr(e.requests.attempts[0], "status", 503)),
]  # fmt: skip


@pytest.mark.parametrize(("description", "name", "change"), VIOLATIONS, ids=[row[0] for row in VIOLATIONS])
def test_the_checker_reports(description: str, name: str, change: Callable[[Evidence], Any]) -> None:
    evidence = correct_evidence()
    change(evidence)
    assert name in violated_invariants(evidence)


def test_a_complaint_that_changes_during_the_snapshot_is_excluded() -> None:
    evidence = correct_evidence()
    _repeat_last(TOPIC["sla"], {"id": "sla-3", "sequence": "0000000003", "causationid": None})(evidence)
    assert violated_invariants(evidence) == {"I3", "I4", "I5", "I6"}
    exclude_complaints(evidence.snapshot, frozenset({ID}), list(evidence.snapshot.messages))
    assert violated_invariants(evidence) == set()


def test_an_event_missing_in_the_outbox_is_reported_although_another_complaint_changed() -> None:
    evidence = correct_evidence()
    exclude_complaints(evidence.snapshot, frozenset({"another"}), [])
    evidence.snapshot.outbox["sla"].pop()
    assert "I4" in violated_invariants(evidence)


def test_no_request_while_kafka_is_down_is_a_violation() -> None:
    assert "I11" in violated_invariants(replace(correct_evidence(), without_kafka=((5.0, 6.0),)))


def test_malformed_records_as_dead_letters_are_no_violation() -> None:
    evidence = correct_evidence()
    position = (TOPIC["notify"], 3, 9)  # intake and sla subscribe to it
    evidence.snapshot.malformed = frozenset({position})
    for name in ("intake", "sla"):
        evidence.snapshot.dead_letters[name] = [
            {"topic": position[0], "partition": 3, "record_offset": 9, "status": "buried", "error": "not JSON"}
        ]
        evidence.snapshot.records[f"complaints.{name}.dead.v1"] = [Record((f"complaints.{name}.dead.v1", 0, 0), None)]
    assert violated_invariants(evidence) == set()


# ── request log ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_request_is_on_disk_before_it_is_sent_and_unknown_until_the_response(tmp_path: Path) -> None:
    path = tmp_path / "requests.jsonl"
    log = RequestLogWriter(path)
    first = log.record_request("k", "k", "file")
    assert read_logs(path).create_attempts["k"][0].status is None
    log.record_response(first, None, {})
    log.record_response(log.record_request("k", "k", "file"), 201, {"id": ID})
    log.close()
    requests = read_logs(path)
    assert [attempt.status for attempt in requests.create_attempts["k"]] == [None, 201]
    assert requests.accepted() == {"k": ID}


def test_an_incomplete_last_line_is_a_request_with_unknown_outcome(tmp_path: Path) -> None:
    path = tmp_path / "requests.jsonl"
    log = RequestLogWriter(path)
    log.record_request("k", "k", "file")
    log.close()
    with path.open("a") as file:
        file.write('{"n": 1, "status": 2')
    assert read_logs(path).create_attempts["k"][0].status is None


def test_an_update_is_done_unknown_or_refused_after_all_its_attempts() -> None:
    tries = [("a", None), ("a", 201), ("b", 503), ("b", None), ("c", 503), ("c", 409)]
    requests = RequestLog([Attempt(key, "k", key, n, status=status) for n, (key, status) in enumerate(tries)])
    assert requests.update_outcomes()["k"] == [("a", "done"), ("b", "unknown"), ("c", "refused")]
    assert requests.update_outcomes()["other"] == []
