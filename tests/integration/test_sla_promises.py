"""Promises over HTTP on real PostgreSQL: made, moved and approved under If-Match, and dates suggested."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from services.sla.reports.suggestion import SAMPLE_MIN
from shared.contracts.events import (
    ExtensionRequested,
    PromiseRevised,
    Resolved,
)
from shared.storage.postgres import transaction
from tests.integration.sla_client import (
    SlaClient,
    ahead,
    triaged,
)


async def test_a_promise_is_made_only_with_the_etag_of_the_current_version(module_sla: SlaClient) -> None:
    subject = await module_sla.opened()
    path = f"/v1/complaints/{subject}/promises"
    body = {"subject": "next_update", "due_at": ahead(days=2)}
    _, seen = await module_sla.clocks(subject)

    without_etag = await module_sla.http.post(path, json=body)
    assert (without_etag.status_code, without_etag.json()["detail"][:30]) == (428, "Send `If-Match` with the ETag ")
    stale = await module_sla.http.post(path, json=body, headers={"if-match": '"99"'})
    assert (stale.status_code, stale.json()["type"].rpartition("/")[2]) == (412, "changed-meanwhile")

    made = await module_sla.http.post(path, json=body, headers={"if-match": seen})
    assert made.status_code == 201
    assert [(promise["promise"], promise["subject"], promise["by"]) for promise in made.json()["promises"]] == [
        (1, "outcome", "policy"),
        (2, "next_update", "crm"),
    ]
    again = await module_sla.http.post(path, json=body, headers={"if-match": seen})
    assert again.status_code == 412, "a repeated request makes no second promise"
    _, now = await module_sla.clocks(subject)
    assert made.headers["etag"] == now


async def test_of_two_requests_with_the_same_etag_one_gets_412(module_sla: SlaClient) -> None:
    subject = await module_sla.opened()
    _, seen = await module_sla.clocks(subject)
    posts = [
        module_sla.http.post(
            f"/v1/complaints/{subject}/promises",
            json={"subject": "action", "item": item, "due_at": ahead(days=2)},
            headers={"if-match": seen},
        )
        for item in ("refund", "letter")
    ]
    assert sorted(answer.status_code for answer in await asyncio.gather(*posts)) == [201, 412]


async def test_a_promise_is_revised_with_a_reason(module_sla: SlaClient) -> None:
    subject = await module_sla.opened()
    answer, seen = await module_sla.clocks(subject)
    later = (datetime.fromisoformat(answer["promises"][0]["due_at"]) + timedelta(hours=1)).isoformat()
    path = f"/v1/complaints/{subject}/promises/1/revision"
    moved = await module_sla.http.post(
        path, json={"due_at": later, "reason": "supplier_delay"}, headers={"if-match": seen}
    )
    assert moved.status_code == 200
    assert [promise["reason"] for promise in moved.json()["promises"]] == [None, "supplier_delay"]
    assert [type(fact) for fact in await module_sla.published(subject)][-1] is PromiseRevised
    for body in ({"due_at": later}, {"due_at": later, "reason": "A sentence instead of a code."}, {"reason": "x"}):
        wrong = await module_sla.http.post(path, json=body, headers={"if-match": moved.headers["etag"]})
        assert wrong.status_code == 422, body
    old = await module_sla.http.post(
        path, json={"due_at": ahead(days=12), "reason": "x"}, headers={"if-match": moved.headers["etag"]}
    )
    assert (old.status_code, "revise 2" in old.json()["detail"]) == (409, True)


async def test_a_revision_beyond_the_cap_waits_for_approval(module_sla: SlaClient) -> None:
    subject = await module_sla.opened(severity="critical")  # two business days beyond the first date
    _, seen = await module_sla.clocks(subject)
    path = f"/v1/complaints/{subject}/promises/1"
    far = {"due_at": ahead(days=20), "reason": "supplier_delay"}
    pending = await module_sla.http.post(f"{path}/revision", json=far, headers={"if-match": seen})
    assert pending.status_code == 202
    assert [extension["approved"] for extension in pending.json()["extensions"]] == [None]
    assert len(pending.json()["promises"]) == 1, "no date has changed"
    assert [type(fact) for fact in await module_sla.published(subject)][-1] is ExtensionRequested

    headers = {**module_sla.headers("complaints:read", "promises:write"), "if-match": pending.headers["etag"]}
    refused = await module_sla.http.post(f"{path}/extension", json={"approve": True}, headers=headers)
    alone = await module_sla.http.post(f"{path}/revision", json={**far, "approve": True}, headers=headers)
    assert (refused.status_code, alone.status_code) == (403, 403)

    granted = await module_sla.http.post(
        f"{path}/extension", json={"approve": True}, headers={"if-match": pending.headers["etag"]}
    )
    assert granted.status_code == 200
    [extension] = granted.json()["extensions"]
    assert (extension["approved"], extension["by"]) == (True, "crm")
    assert [promise["promise"] for promise in granted.json()["promises"]] == [1, 2]


async def test_making_a_promise_needs_the_write_scope(module_sla: SlaClient) -> None:
    subject = await module_sla.opened()
    _, seen = await module_sla.clocks(subject)
    headers = {**module_sla.headers("complaints:read"), "if-match": seen}
    body = {"subject": "next_update", "due_at": ahead(days=2)}
    answer = await module_sla.http.post(f"/v1/complaints/{subject}/promises", json=body, headers=headers)
    assert (answer.status_code, "promises:write" in answer.json()["detail"]) == (403, True)


async def test_an_unknown_complaint_has_no_promises(module_sla: SlaClient) -> None:
    path = f"/v1/complaints/{uuid4()}"
    body = {"subject": "next_update", "due_at": ahead(days=2)}
    made = await module_sla.http.post(f"{path}/promises", json=body, headers={"if-match": '"1"'})
    suggested = await module_sla.http.get(f"{path}/promises:suggest")
    assert (made.status_code, suggested.status_code) == (404, 404)


async def test_a_suggested_date_is_the_ninetieth_percentile_of_similar_complaints(module_sla: SlaClient) -> None:
    subject = await module_sla.opened()
    path = f"/v1/complaints/{subject}/promises:suggest"
    alone = (await module_sla.http.get(path)).json()
    assert alone["like"] is None
    assert "Too few similar complaints" in alone["because"]

    async with transaction(module_sla.runtime.pool) as conn:  # one hour to fifty, and the slowest two far beyond
        await conn.execute(
            """
            insert into complaint (complaint_id, state, version, policy, category, spent_seconds, received_at)
            select gen_random_uuid(), '{}', 1, 'everyday', 'billing/refund', 3600 * n, now() - interval '30 days'
            from generate_series(1, $1::int) as n
            """,
            SAMPLE_MIN + 5,
        )
    suggestion = (await module_sla.http.get(path)).json()
    assert (suggestion["like"], suggestion["sample"]) == ("billing/refund", SAMPLE_MIN + 5)
    assert "within 23 h of opening time" in suggestion["because"], "the 23rd of 25"
    due_at = datetime.fromisoformat(suggestion["due_at"])
    assert due_at > datetime.now(UTC)
    assert due_at.weekday() < 5
    assert suggestion["date"] == due_at.date().isoformat()

    other = await module_sla.opened()
    await module_sla.receive(other, (triaged(category=("billing", "fees")), datetime.now(UTC)))
    wider = (await module_sla.http.get(f"/v1/complaints/{other}/promises:suggest")).json()
    assert wider["like"] == "billing", "too few complaints about fees, enough in the parent category"


async def test_a_closed_complaint_has_no_suggested_date(module_sla: SlaClient) -> None:
    subject = await module_sla.opened()
    now = datetime.now(UTC)
    await module_sla.receive(subject, (Resolved(outcome="upheld", resolved_at=now), now))
    assert (await module_sla.http.get(f"/v1/complaints/{subject}/promises:suggest")).status_code == 409


async def test_a_date_is_explained_as_of_an_earlier_time_and_for_handler_or_customer(module_sla: SlaClient) -> None:
    subject = await module_sla.opened(ago=timedelta(days=3))
    before = (datetime.now(UTC) - timedelta(days=4)).isoformat()
    path = f"/v1/complaints/{subject}/clocks"
    assert (await module_sla.http.get(path, params={"at": before})).status_code == 404, (
        "the complaint was not stored yet"
    )
    now = datetime.now(UTC)
    await module_sla.receive(subject, (Resolved(outcome="upheld", resolved_at=now), now))
    then = (await module_sla.http.get(path, params={"at": (now - timedelta(days=1)).isoformat()})).json()
    phases = {clock["clock"]: clock["phase"] for clock in then["clocks"]}
    assert phases["requester_wait"] == "running", "the resolution was not received yet"
    assert {clock["clock"]: clock["phase"] for clock in (await module_sla.clocks(subject))[0]["clocks"]}[
        "requester_wait"
    ] == "stopped"
    customer = (await module_sla.http.get(path, params={"for": "customer"})).json()
    assert (customer["clocks"], [promise["because"][:11] for promise in customer["promises"]]) == ([], ["We promised"])
