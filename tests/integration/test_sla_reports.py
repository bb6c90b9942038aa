"""Reports over HTTP on real PostgreSQL: complaints at risk, the calendar feed, promise figures."""

from datetime import UTC, datetime, timedelta

import icalendar
import pytest

from services.sla.store import complaints
from shared.contracts.events import (
    PromiseBroken,
    Resolved,
)
from shared.storage.postgres import transaction
from tests.integration.sla_client import SlaClient, accepted, ahead, answered

OFTEN = timedelta(seconds=1)


async def test_late_complaints_are_listed_first_with_the_reason(module_sla: SlaClient) -> None:
    late = await module_sla.opened(ago=timedelta(days=30), team="risky")
    soon = await module_sla.opened(severity="critical", team="risky")
    await module_sla.opened(team="elsewhere")
    answer = (await module_sla.http.get("/v1/at-risk", params={"within": "PT30M", "team": "risky"})).json()
    assert {item["complaint_id"] for item in answer["items"]} == {late, soon}
    assert [item["is_late"] for item in answer["items"]] == sorted(
        (item["is_late"] for item in answer["items"]), reverse=True
    )
    assert all(item["because"] for item in answer["items"])
    assert {item["kind"] for item in answer["items"]} == {"clock", "promise"}
    nothing = (await module_sla.http.get("/v1/at-risk", params={"within": "PT0S", "team": "nobody"})).json()
    assert nothing["items"] == []


@pytest.mark.parametrize("within", ["P400D", "-PT1H", "soon"])
async def test_an_invalid_time_ahead_is_refused(module_sla: SlaClient, within: str) -> None:
    assert (await module_sla.http.get("/v1/at-risk", params={"within": within})).status_code == 422


async def test_complaints_at_risk_are_read_by_index(module_sla: SlaClient) -> None:
    async with transaction(module_sla.runtime.pool) as conn:
        await conn.execute("set local enable_seqscan = off")
        now = datetime.now(UTC)
        span = (now - timedelta(days=9), now, 100, 0)
        team_queries = (complaints.SELECT_DUE_OF_TEAM, complaints.SELECT_LATEST_DUE_OF_TEAM)
        queries = [
            (complaints.SELECT_DUE, span),
            *((query, (*span, "risky")) for query in team_queries),
            (complaints.COUNT_DUE, (now, "risky")),
            (complaints.COUNT_DUE, (now, None)),
            (complaints.SELECT_OPEN_TEAMS, ()),
        ]
        for query, parameters in queries:
            plan = await conn.fetch(f"explain {query}", *parameters)
            text = "\n".join(row[0] for row in plan)
            assert "Seq Scan" not in text, text


async def test_due_dates_are_an_icalendar_feed_with_stable_entries(module_sla: SlaClient) -> None:
    subject = await module_sla.opened(team="diary")
    first = await module_sla.http.get("/v1/teams/diary/due.ics")
    assert first.headers["content-type"] == "text/calendar; charset=utf-8"
    entries = list(icalendar.Calendar.from_ical(first.content).walk("VEVENT"))
    assert len(entries) >= 3
    assert {entry["dtstart"].dt.utcoffset() for entry in entries} == {timedelta()}
    assert len({str(entry["uid"]) for entry in entries}) == len(entries)
    assert b"shop" not in first.content
    assert b"R-1" not in first.content

    same = await module_sla.http.get("/v1/teams/diary/due.ics", headers={"if-none-match": first.headers["etag"]})
    assert same.status_code == 304
    _, seen = await module_sla.clocks(subject)
    moved = {"due_at": ahead(days=15), "reason": "supplier_delay"}
    await module_sla.http.post(f"/v1/complaints/{subject}/promises/1/revision", json=moved, headers={"if-match": seen})
    now = datetime.now(UTC)
    await module_sla.receive(subject, (accepted(2, now, "promise_moved"), now))
    after = await module_sla.http.get("/v1/teams/diary/due.ics")
    uids = {str(entry["uid"]) for entry in icalendar.Calendar.from_ical(after.content).walk("VEVENT")}
    assert {str(entry["uid"]) for entry in entries} == uids, "an entry keeps its uid when its date changes"


async def test_a_promise_stays_at_risk_until_the_resolution_message_is_accepted(module_sla: SlaClient) -> None:
    subject = await module_sla.opened(severity="critical", team="unsent")
    now = datetime.now(UTC)
    query = {"within": "P30D", "team": "unsent"}

    async def at_risk() -> set[str]:
        return {item["kind"] for item in (await module_sla.http.get("/v1/at-risk", params=query)).json()["items"]}

    await module_sla.receive(subject, (Resolved(outcome="upheld", resolved_at=now), now))
    assert "promise" in await at_risk()
    await module_sla.receive(subject, (accepted(None, now, "resolution"), now))
    assert "promise" not in await at_risk()


async def test_promise_figures_count_promises_told_to_the_customer(module_sla: SlaClient) -> None:
    team, ago = "figures", timedelta(days=40)
    at = datetime.now(UTC) - ago
    kept = await module_sla.opened(ago=ago, team=team)
    await module_sla.receive(kept, *answered(at + OFTEN))
    broken = await module_sla.opened(ago=ago, team=team)
    for _ in range(5):
        await module_sla.runtime.timers.run_once()
    late = datetime.now(UTC)
    overdue = await module_sla.opened(ago=ago, team=team)
    await module_sla.receive(overdue, *answered(late))
    query = {"since": (at - timedelta(days=1)).isoformat(), "until": late.isoformat(), "team": team}
    answer = (await module_sla.http.get("/v1/promises/figures", params=query)).json()
    assert (answer["promises"], answer["kept_first"], answer["broken"], answer["broken_then_kept"]) == (3, 1, 1, 1)
    assert (answer["kept_first_share"], answer["complaints"]) == (0.3333, 3)
    assert any(isinstance(fact, PromiseBroken) for fact in await module_sla.published(broken))
    none = (await module_sla.http.get("/v1/promises/figures", params={**query, "team": "nobody"})).json()
    assert (none["promises"], none["kept_share"]) == (0, None)


async def test_a_promise_kept_early_counts_in_the_period_of_its_due_time(module_sla: SlaClient) -> None:
    early = await module_sla.opened(team="early")
    now = datetime.now(UTC)
    await module_sla.receive(early, *answered(now))
    due = datetime.fromisoformat((await module_sla.clocks(early))[0]["promises"][0]["due_at"])
    path, query = "/v1/promises/figures", {"until": (due + OFTEN).isoformat(), "team": "early"}
    around = (await module_sla.http.get(path, params={**query, "since": (due - OFTEN).isoformat()})).json()
    assert (around["promises"], around["kept_first"], around["kept_share"]) == (1, 1, 1.0)
    at_once = (await module_sla.http.get(path, params={**query, "since": due.isoformat()})).json()
    assert at_once["promises"] == 1, "its row was written days earlier"

    async with transaction(module_sla.runtime.pool) as conn:
        await conn.execute("update complaint set last_due_at = null where complaint_id = $1::uuid", early)
    from_before = (await module_sla.http.get(path, params={**query, "since": due.isoformat()})).json()
    assert from_before["promises"] == 1, "a row without the column's value is read too"


async def test_an_invalid_period_is_refused(module_sla: SlaClient) -> None:
    for since, until in (
        ("2026-02-01T00:00:00Z", "2026-01-01T00:00:00Z"),
        ("2020-01-01T00:00:00Z", "2026-01-01T00:00:00Z"),
    ):
        answer = await module_sla.http.get("/v1/promises/figures", params={"since": since, "until": until})
        assert answer.status_code == 422
