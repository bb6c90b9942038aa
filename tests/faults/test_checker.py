"""The checker sees what is wrong: a small true picture, and each way in which it could lie."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from shared.contracts import SERVICES
from tests.faults.invariants import INVARIANTS, Case
from tests.faults.request_log import Attempt, Ledger, Pen, read
from tests.faults.snapshot import NAMES, Glance, Picture, Record, Said, take_out

ID, MAIL = "c1", "m1"
NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
SAID = {
    "intake": ("complaint.received", "complaint.resolved"),
    "triage": ("complaint.triaged", "complaint.assigned"),
    "sla": ("promise.made", "promise.kept"),
    "notify": ("message.accepted", "message.accepted"),
}
TOPIC = {service.name: service.topic for service in SERVICES}


def record(name: str, sequence: int) -> Record:
    kind = SAID[name][sequence - 1]
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


def message(number: int, kind: str) -> dict[str, Any]:
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


def calm() -> Case:
    """One complaint, filed and resolved, told twice; all is well."""
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
            for n, kind in enumerate(SAID[source.name], 1)
            if kind in {fact.kind for fact in service.subscribes}
        }
        for service in SERVICES
    }
    ends = {(topic, 0): 2 for topic in TOPIC.values()}
    picture = Picture(
        states={name: {ID: state} for name, state in states.items()},
        statuses={ID: "resolved"},
        keys={"k": ID},
        timeline={ID: [kind for name in NAMES for kind in SAID[name]]},
        inbox=handled,
        dead={name: [] for name in NAMES},
        outbox={name: [Said(TOPIC[name], f"{name}-{n}", ID) for n in (1, 2)] for name in NAMES},
        unpublished=dict.fromkeys(NAMES, 0.0),
        messages=[message(1, "acknowledgement"), message(2, "resolution")],
        records={TOPIC[name]: [record(name, 1), record(name, 2)] for name in NAMES},
        committed={name: dict(ends) for name in NAMES},
        mails=Counter({f"{MAIL}-1": 1, f"{MAIL}-2": 1}),
        glances=[Glance(name, dict(ends), frozenset(handled[name])) for name in NAMES],
    )
    return Case(Ledger(attempts), picture, ((0.5, 1.5),))


def broken(case: Case) -> set[str]:
    return {name for name, check in INVARIANTS.items() if list(check(case))}


def test_a_true_picture_satisfies_every_invariant() -> None:
    assert broken(calm()) == set()


def _drop(name: str) -> Callable[[Case], Any]:
    return lambda case: case.picture.states[name].pop(ID)


def _again(topic: str, change: dict[str, Any]) -> Callable[[Case], Any]:
    """One more record on that topic, like its last but for `change`."""

    def do(case: Case) -> None:
        last = case.picture.records[topic][-1]
        assert last.event is not None
        case.picture.records[topic].append(Record((topic, 0, 2), last.event | change))

    return do


def _letter(case: Case) -> None:
    case.picture.dead["sla"].append(
        {"topic": TOPIC["intake"], "partition": 0, "record_offset": 1, "status": "buried", "error": ""}
    )


LIES: list[tuple[str, str, Callable[[Case], Any]]] = [
    ("an accepted complaint is missing in one service", "I1", _drop("sla")),
    ("an answered id is not the one kept", "I1", lambda case: case.picture.keys.update(k="c2")),
    ("a complaint that nobody filed", "I1", lambda case: case.picture.states["intake"].update(c2={})),
    ("a service thinks it is open", "I1", lambda case: case.picture.states["triage"][ID].update(closed=False)),
    ("intake forgot the resolution", "I1", lambda case: case.picture.statuses.update({ID: "open"})),
    ("nobody was told of the resolution", "I1", lambda case: case.picture.messages.pop()),
    ("a message hangs", "I1", lambda case: case.picture.messages[0].update(status="sending")),
    ("a valid complaint was refused", "I1", lambda case: case.ledger.attempts.append(Attempt("k", "k", "file", 9, 9, 422))),
    ("one cause, two promises", "I2", _again(TOPIC["sla"], {"id": "sla-x"})),
    ("accepted twice", "I2", _again(TOPIC["notify"], {"id": "notify-x", "causationid": None})),
    ("one cause, two letters", "I2", lambda case: case.picture.messages.append(message(2, "resolution"))),
    ("a mail twice without doubt", "I2", lambda case: case.picture.mails.update([f"{MAIL}-1"])),
    ("a mail that nobody has", "I2", lambda case: case.picture.mails.pop(f"{MAIL}-1")),
    ("a mail of nobody's", "I2", lambda case: case.picture.mails.update(["stranger"])),
    ("a gap in the sequence", "I3", lambda case: case.picture.records[TOPIC["triage"]].pop(0)),
    ("out of order", "I3", lambda case: case.picture.records[TOPIC["triage"]].reverse()),
    ("applied out of order", "I3", lambda case: case.picture.timeline[ID].reverse()),
    ("applied twice", "I3", lambda case: case.picture.timeline[ID].append("promise.kept")),
    ("said but not on Kafka", "I4", lambda case: case.picture.outbox["sla"].append(Said(TOPIC["sla"], "sla-3", ID))),
    ("on Kafka but never said", "I4", lambda case: case.picture.outbox["sla"].pop()),
    ("an old unpublished row", "I4", lambda case: case.picture.unpublished.update(intake=7.0)),
    ("a lag that stays", "I5", lambda case: case.picture.committed["sla"].update({(TOPIC["intake"], 0): 1})),
    ("committed past the work", "I5", lambda case: case.picture.glances.insert(0, Glance("sla", {(TOPIC["intake"], 0): 2}, frozenset()))),
    ("an innocent record was buried", "I6", _letter),
    ("poison survived", "I6", lambda case: setattr(case.picture, "poison", frozenset({(TOPIC["intake"], 3, 9)}))),
    ("a neighbour was not processed", "I6", lambda case: case.picture.inbox["sla"].clear()),
    ("one service has fewer complaints", "I8", _drop("triage")),
    ("refused while Kafka was away", "I11", lambda case: setattr(case.ledger.attempts[0], "status", 503)),
]  # fmt: skip


@pytest.mark.parametrize(("lie", "name", "tell"), LIES, ids=[lie for lie, _, _ in LIES])
def test_the_checker_notices(lie: str, name: str, tell: Callable[[Case], Any]) -> None:
    case = calm()
    tell(case)
    assert name in broken(case)


def test_what_moved_while_it_was_looked_at_is_left_to_the_next_look() -> None:
    case = calm()
    _again(TOPIC["sla"], {"id": "sla-3", "sequence": "0000000003", "causationid": None})(case)
    assert broken(case) == {"I3", "I4", "I5", "I6"}
    take_out(case.picture, frozenset({ID}), list(case.picture.messages))
    assert broken(case) == set()


def test_what_nobody_said_is_noticed_whatever_moved() -> None:
    case = calm()
    take_out(case.picture, frozenset({"another"}), [])
    case.picture.outbox["sla"].pop()
    assert "I4" in broken(case)


def test_silence_while_kafka_is_away_proves_nothing() -> None:
    assert "I11" in broken(replace(calm(), without_kafka=((5.0, 6.0),)))


def test_poison_in_its_grave_is_as_it_should_be() -> None:
    case = calm()
    place = (TOPIC["notify"], 3, 9)  # heard by intake and sla
    case.picture.poison = frozenset({place})
    for name in ("intake", "sla"):
        case.picture.dead[name] = [
            {"topic": place[0], "partition": 3, "record_offset": 9, "status": "buried", "error": "not JSON"}
        ]
        case.picture.records[f"complaints.{name}.dead.v1"] = [Record((f"complaints.{name}.dead.v1", 0, 0), None)]
    assert broken(case) == set()


# ── the ledger ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_request_is_on_disk_before_it_leaves_and_unknown_until_it_is_answered(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    pen = Pen(path)
    first = pen.intend("k", "k", "file")
    assert read(path).filings["k"][0].status is None
    pen.answer(first, None, {})
    pen.answer(pen.intend("k", "k", "file"), 201, {"id": ID})
    pen.close()
    ledger = read(path)
    assert [attempt.status for attempt in ledger.filings["k"]] == [None, 201]
    assert ledger.accepted() == {"k": ID}


def test_a_torn_last_line_is_an_unknown_request(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    pen = Pen(path)
    pen.intend("k", "k", "file")
    pen.close()
    with path.open("a") as file:
        file.write('{"n": 1, "status": 2')
    assert read(path).filings["k"][0].status is None


def test_what_was_stated_is_done_unknown_or_refused_after_all_its_tries() -> None:
    tries = [("a", None), ("a", 201), ("b", 503), ("b", None), ("c", 503), ("c", 409)]
    ledger = Ledger([Attempt(key, "k", key, n, status=status) for n, (key, status) in enumerate(tries)])
    assert ledger.deeds()["k"] == [("a", "done"), ("b", "unknown"), ("c", "refused")]
    assert ledger.deeds()["other"] == []
