"""Sla on real PostgreSQL: events in, timers claimed by the database clock, and endpoints that explain a date."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

from shared.contracts.events import (
    ClockBreached,
    PromiseMade,
)
from tests.integration.sla_client import SlaClient


async def test_a_promise_is_made_and_explained(module_sla: SlaClient) -> None:
    subject = await module_sla.triaged(ago=timedelta(), is_told=False)
    assert [type(fact) for fact in await module_sla.published(subject)] == [PromiseMade]
    answer = (await module_sla.http.get(f"/v1/complaints/{subject}/clocks")).json()
    assert [(clock["clock"], clock["phase"]) for clock in answer["clocks"]] == [
        ("assignment", "running"),
        ("acknowledge", "running"),
        ("requester_wait", "running"),
    ]
    assert all("because policy 'everyday' version 1 applies" in clock["because"] for clock in answer["clocks"])
    assert answer["promises"][0]["status"] == "untold"
    assert answer["promises"][0]["told_at"] is None


async def test_a_due_clock_fires_once(module_sla: SlaClient) -> None:
    subject = await module_sla.triaged(ago=timedelta(days=3), severity="critical", is_told=False)
    assert await module_sla.runtime.timers.run_once() >= 1
    fired = [fact.clock for fact in await module_sla.published(subject) if isinstance(fact, ClockBreached)]
    assert sorted(fired) == ["acknowledge", "assignment", "requester_wait"]
    before = await module_sla.published(subject)
    await module_sla.runtime.timers.run_once()
    assert await module_sla.published(subject) == before
    due_at = await module_sla.runtime.pool.fetchval(
        "select due_at from complaint where complaint_id = $1::uuid", subject
    )
    assert due_at is None or due_at > datetime.now(UTC)


async def test_policies_and_calendars_are_returned_as_in_the_rulebook(module_sla: SlaClient) -> None:
    policies = (await module_sla.http.get("/v1/policies")).json()["policies"]
    assert [policy["id"] for policy in policies] == ["critical", "urgent", "paper", "everyday"]
    assert policies[0]["clocks"][0]["goal"]["wall"] == "PT15M"
    calendars = (await module_sla.http.get("/v1/calendars")).json()["calendars"]
    assert {calendar["id"]: calendar["weekly_hours"]["mon"] for calendar in calendars} == {
        "always": [["00:00", "24:00"]],
        "office": [["09:00", "17:00"]],
    }


async def test_an_unknown_complaint_an_invalid_id_and_a_missing_token_are_problem_documents(
    module_sla: SlaClient,
) -> None:
    unknown = await module_sla.http.get(f"/v1/complaints/{uuid4()}/clocks")
    invalid = await module_sla.http.get("/v1/complaints/nonsense/clocks")
    without_token = await module_sla.http.get("/v1/policies", headers={"authorization": ""})
    assert [answer.status_code for answer in (unknown, invalid, without_token)] == [404, 422, 401]
    assert {answer.headers["content-type"] for answer in (unknown, invalid, without_token)} == {
        "application/problem+json"
    }
