"""Updates of complaints over HTTP, and their timeline."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from shared.contracts import ComplaintId
from shared.contracts import events as e
from tests.factories import complaint_id, event, record
from tests.integration.intake_client import POST, IntakeClient

# ── updates ────────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_complaints_updates_are_published_in_order_and_shown_as_sentences(intake: IntakeClient) -> None:
    complaint = (await intake.file()).json()["id"]
    for kind, body, status in [
        ("messages", {"text": "It is the blue one."}, "received"),
        ("progress", {"state": "awaiting_customer", "note": "Which size?"}, "awaiting_customer"),
        ("messages", {"author": "handler", "text": "Note to self.", "public": False}, "awaiting_customer"),
        ("messages", {"text": "Size 7."}, "open"),
        ("resolution", {"outcome": "upheld", "explanation": "A new one is coming."}, "resolved"),
        ("feedback", {"fixed": False, "words": "Still broken."}, "open"),
        ("withdraw", {}, "withdrawn"),
        ("reopen", {"reason": "Changed my mind."}, "open"),
    ]:
        answer = await intake.update(complaint, kind, **body)
        assert (answer.status_code, answer.json()["status"]) == (201, status)
    events = await intake.events()
    assert [event.sequence for event in events] == list(range(1, 11))
    story = (await intake.http.get(f"{POST}/{complaint}/timeline")).json()
    assert [line["sentence"] for line in story["entries"]] == [
        "The complaint reached us through the web site.",
        "The customer added something.",
        "We need something from the customer to go on.",
        "The customer added something.",
        "It was answered: the complaint was justified and is put right.",
        "The customer says it is not fixed.",
        "It was taken up again.",
        "The customer took it back.",
        "It was taken up again.",
    ]
    internal = (await intake.http.get(f"{POST}/{complaint}/timeline", params={"internal": True})).json()
    assert len(internal["entries"]) == 10
    assert [line["words"] for line in internal["entries"]][3] == "Note to self."


async def test_an_update_that_the_status_does_not_allow_is_409_and_a_wrong_date_422(intake: IntakeClient) -> None:
    complaint = (await intake.file()).json()["id"]
    assert (await intake.update(complaint, "reopen")).status_code == 409
    past = {"state": "investigating", "expected_at": "2020-01-01T00:00:00Z", "reason": "x"}
    answer = await intake.update(complaint, "progress", **past)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "expected_at")
    assert await intake.counts() == (1, 1, 1, 0)


async def test_an_update_repeated_with_its_key_is_stored_once(intake: IntakeClient) -> None:
    complaint = (await intake.file()).json()["id"]
    answers = await asyncio.gather(*(intake.update(complaint, "messages", "m1", text="Once.") for _ in range(8)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert sum("idempotency-replayed" in answer.headers for answer in answers) == 7
    assert await intake.count("timeline") == 2
    other = await intake.update(complaint, "messages", "m1", text="Twice.")
    assert (other.status_code, other.json()["type"].rsplit("/", 1)[1]) == (422, "idempotency-key-reused")
    elsewhere = await intake.update(complaint, "withdraw", "m1")
    assert elsewhere.status_code == 422, "a key stands for one request, not for one body"


async def test_a_withdrawal_needs_no_body(intake: IntakeClient) -> None:
    complaint = (await intake.file()).json()["id"]
    assert (await intake.http.post(f"{POST}/{complaint}/withdraw")).json()["status"] == "withdrawn"


async def test_a_milestone_is_published_once_per_key_and_shown_in_the_timeline(intake: IntakeClient) -> None:
    complaint = (await intake.file()).json()["id"]
    body = {"milestone": "ombudsman_asked", "note": "They want our file."}
    first, again = [await intake.update(complaint, "milestones", "m1", **body) for _ in range(2)]
    assert (first.status_code, first.json()["status"]) == (201, "received")
    assert (again.content, again.headers["idempotency-replayed"]) == (first.content, "true")
    other = await intake.update(complaint, "milestones", "m1", milestone="settled")
    assert (other.status_code, other.json()["type"].rsplit("/", 1)[1]) == (422, "idempotency-key-reused")
    events = (await intake.events())[1:]
    assert [(event.facts.kind, event.facts.milestone) for event in events] == [
        ("complaint.milestone_recorded", "ombudsman_asked")
    ]
    story = (await intake.http.get(f"{POST}/{complaint}/timeline")).json()["entries"]
    assert story[-1]["sentence"] == "The ombudsman asked us about it."
    assert story[-1]["words"] == "They want our file."


async def test_a_milestone_is_refused_at_a_wrong_time_or_in_a_wrong_status(intake: IntakeClient) -> None:
    complaint = (await intake.file()).json()["id"]
    now = datetime.now(UTC)
    for moment in (now - timedelta(days=1), now + timedelta(days=1)):
        answer = await intake.update(complaint, "milestones", milestone="settled", occurred_at=moment.isoformat())
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "occurred_at")
    await intake.update(complaint, "resolution", outcome="upheld", explanation="A new one is coming.")
    assert (await intake.update(complaint, "milestones", milestone="settled")).json()["status"] == "resolved"
    assert (await intake.update(complaint, "milestones", milestone="handed_over")).status_code == 409
    reader = intake.headers("complaints:read")
    path = f"{POST}/{complaint}/milestones"
    assert (await intake.http.post(path, json={"milestone": "settled"}, headers=reader)).status_code == 403


@pytest.mark.parametrize("fact", ["messages", "progress", "resolution", "milestones", "reopen", "withdraw", "feedback"])
async def test_updates_of_a_missing_complaint_are_404(intake: IntakeClient, fact: str) -> None:
    example = {
        "messages": {"text": "x"},
        "progress": {"state": "investigating"},
        "resolution": {"outcome": "upheld", "explanation": "x"},
        "milestones": {"milestone": "settled"},
        "feedback": {"fixed": True},
    }
    for unknown in (str(uuid4()), "not-an-id"):
        assert (await intake.update(unknown, fact, **example.get(fact, {}))).status_code == 404


# ── events of other services ───────────────────────────────────────────────────────────────────────────────────────────


async def test_events_of_other_services_are_in_record_and_timeline(intake: IntakeClient) -> None:
    complaint = (await intake.file()).json()["id"]
    due = datetime(2031, 5, 6, 10, 0, tzinfo=UTC)
    now = datetime.now(UTC) + timedelta(seconds=1)
    facts = [
        e.Triaged(
            category=("delivery", "damaged"),
            severity="high",
            language="en",
            confidence=0.9,
            decided_by="r",
            decider_version="1",
        ),
        e.Assigned(team="home_delivery"),
        e.PromiseMade(promise=1, due_at=due, policy="p", policy_version=1, calendar="c", calendar_version=1),
        e.MessageAccepted(
            message="m",
            message_kind="acknowledgement",
            channel="email",
            cause="c",
            accepted_at=now,
            locale="en",
            template="t",
        ),
    ]
    subject = ComplaintId(complaint_id().__class__(complaint))
    events = [
        event(fact, subject=subject, sequence=n, time=now + timedelta(seconds=n)) for n, fact in enumerate(facts, 1)
    ]
    outcome = await intake.runtime.runner.apply_records([record(item, offset=n) for n, item in enumerate(events)])
    assert outcome.done == 4
    shown = (await intake.http.get(f"{POST}/{complaint}")).json()
    assert (shown["status"], shown["understood"]["severity"], shown["owner"]["team"]) == (
        "open",
        "high",
        "home_delivery",
    )
    assert shown["promise"]["due_at"] == "2031-05-06T10:00:00Z"
    assert shown["acknowledged_at"]
    story = (await intake.http.get(f"{POST}/{complaint}/timeline")).json()
    assert [line["sentence"] for line in story["entries"]][1:] == [
        "We understand it to be about delivery / damaged.",
        "It is with home delivery.",
        "An answer is promised by 6 May 2031, 17:00 (Asia/Jakarta).",
        "The customer was told: the confirmation that we have the complaint.",
    ]


async def test_events_of_a_complaint_not_created_yet_are_kept_but_not_shown(intake: IntakeClient) -> None:
    assigned = event(e.Assigned(team="care"))
    assert (await intake.runtime.runner.apply_records([record(assigned)])).done == 1
    assert (await intake.http.get(f"{POST}/{assigned.subject}")).status_code == 404
    assert await intake.count("complaint") == 1
