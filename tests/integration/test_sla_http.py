"""The doors of sla on real PostgreSQL: promises under If-Match, dates suggested, what is at risk, and what was down."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import getrandbits
from typing import Any
from uuid import UUID, uuid4

import httpx
import icalendar
import psycopg
import pytest

from deploy.local.postgres import EmbeddedPostgres
from deploy.local.provision import provision
from services.sla.app import build
from services.sla.reports.suggestion import SAMPLE_MIN
from services.sla.settings import Settings
from services.sla.workers.outages import SOON, SOON_MAX, OutageLimits, OutageMonitor
from shared.auth import create_token
from shared.contracts import read
from shared.contracts.events import (
    Assigned,
    ClockBreached,
    ComplaintReceived,
    ExtensionRequested,
    MessageAccepted,
    PromiseAtRisk,
    PromiseBroken,
    PromiseRevised,
    Resolved,
    Triaged,
)
from shared.http.app import build_http_app
from shared.ops.probe import Probe
from shared.runtime import Runtime
from shared.storage.postgres import connect, migrate, transaction
from tests.factories import complaint_id, event, record

OFTEN = timedelta(seconds=1)
SCOPES = frozenset({"complaints:read", "promises:write", "promises:approve"})


@dataclass
class Front:
    """The routes of sla, and the runtime behind them. Facts of a complaint are numbered by who says them."""

    http: httpx.AsyncClient
    runtime: Runtime
    keys: tuple[Path, Path]
    numbers: dict[tuple[str, str], int] = field(default_factory=dict)

    def headers(self, *scopes: str) -> dict[str, str]:
        token = create_token(
            self.keys[0], client="crm", scopes=frozenset(scopes), lasts=timedelta(hours=1), audience="redress"
        )
        return {"authorization": f"Bearer {token}"}

    async def hears(self, subject: Any, *facts: tuple[Any, datetime]) -> None:
        records = []
        for fact, at in facts:
            made = event(fact, subject=subject, time=at)
            number = self.numbers.get((str(subject), made.source), 0) + 1
            self.numbers[str(subject), made.source] = number
            made = event(fact, subject=subject, time=at, sequence=number)
            records.append(record(made.model_copy(update={"id": recorded(at)})))  # on disk when it happened
        await self.runtime.runner.apply_records(records)

    async def opened(self, *, ago: timedelta = timedelta(), severity: str = "normal", team: str = "billing") -> str:
        """Received so long ago, triaged, with a team, and the date told."""
        subject, at = complaint_id(), datetime.now(UTC) - ago
        await self.hears(
            subject,
            (ComplaintReceived(reference="R-1", client="shop", channel="web", received_at=at), at),
            (triaged(severity), at),
            (Assigned(team=team), at),
            (told(1, at), at),
        )
        return str(subject)

    async def said(self, subject: str) -> list[Any]:
        rows = await self.runtime.pool.fetch("select value from outbox where key = $1::uuid order by xid, id", subject)
        return [read(row[0]).facts for row in rows]

    async def clocks(self, subject: str) -> tuple[dict[str, Any], str]:
        answer = await self.http.get(f"/v1/complaints/{subject}/clocks")
        return answer.json(), answer.headers["etag"]


def recorded(at: datetime) -> UUID:
    """A UUIDv7 of that moment."""
    return UUID(int=(int(at.timestamp() * 1000) << 80) | (7 << 76) | (2 << 62) | getrandbits(60))


def triaged(severity: str = "normal", category: tuple[str, ...] = ("billing", "refund")) -> Triaged:
    return Triaged(
        category=category, severity=severity, language="en", confidence=1, decided_by="r", decider_version="1"
    )


def told(promise: int | None, at: datetime, kind: str = "acknowledgement") -> MessageAccepted:
    return MessageAccepted(
        message=f"m-{kind}-{promise}",
        message_kind=kind,
        channel="email",
        cause="c",
        accepted_at=at,
        locale="en",
        template="t",
        states_promise=promise,
    )


def answered(at: datetime) -> tuple[tuple[Any, datetime], ...]:
    """Resolved, and the customer told so."""
    return (Resolved(outcome="upheld", resolved_at=at), at), (told(None, at, "resolution"), at)


@pytest.fixture(scope="module")
def dsn(postgres: EmbeddedPostgres) -> Iterator[str]:
    name = f"test_{uuid4().hex[:12]}"
    with psycopg.connect(postgres.dsn, autocommit=True) as admin:
        admin.execute(f"create database {name}")
        target = postgres.dsn.rsplit("/", 1)[0] + f"/{name}"
        yield provision(target, postgres.home / "secrets" / "postgres.json")["sla"]
        admin.execute(f"drop database {name} with (force)")


@pytest.fixture(scope="module")
async def running(dsn: str, keys: tuple[Path, Path]) -> AsyncIterator[Front]:
    chosen = Settings(postgres=dsn, auth_public_key_file=keys[1], kafka="127.0.0.1:1", pace_ms=0)  # type: ignore[arg-type]
    app = build(chosen)
    runtime = app.runtime
    await migrate(dsn, app.schema)
    runtime.set_pool(await connect(chosen, "sla"))
    assert app.on_open
    await app.on_open()
    _, asgi = build_http_app(runtime, Probe("sla", chosen, runtime.metrics), app.routes, app.hot)
    transport = httpx.ASGITransport(asgi)  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="http://sla") as http:
        front = Front(http, runtime, keys)
        http.headers.update(front.headers(*SCOPES))
        yield front
    await runtime.close()


def ahead(**span: float) -> str:
    """So far from now, in working hours of some weekday."""
    at = (datetime.now(UTC) + timedelta(**span)).replace(hour=12, minute=0, second=0, microsecond=0)
    while at.weekday() > 4:
        at += timedelta(days=1)
    return at.isoformat()


# ── promises ──────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_promise_for_the_next_word_is_made_by_whoever_saw_the_present_version(running: Front) -> None:
    subject = await running.opened()
    path = f"/v1/complaints/{subject}/promises"
    body = {"subject": "next_update", "due_at": ahead(days=2)}
    _, seen = await running.clocks(subject)

    blind = await running.http.post(path, json=body)
    assert (blind.status_code, blind.json()["detail"][:30]) == (428, "Send `If-Match` with the ETag ")
    stale = await running.http.post(path, json=body, headers={"if-match": '"99"'})
    assert (stale.status_code, stale.json()["type"].rpartition("/")[2]) == (412, "changed-meanwhile")

    made = await running.http.post(path, json=body, headers={"if-match": seen})
    assert made.status_code == 201
    assert [(one["promise"], one["subject"], one["by"]) for one in made.json()["promises"]] == [
        (1, "outcome", "policy"),
        (2, "next_update", "crm"),
    ]
    again = await running.http.post(path, json=body, headers={"if-match": seen})
    assert again.status_code == 412, "the same request again makes no second promise"
    _, now = await running.clocks(subject)
    assert made.headers["etag"] == now


async def test_of_two_who_saw_the_same_version_one_is_told_that_it_changed(running: Front) -> None:
    subject = await running.opened()
    _, seen = await running.clocks(subject)
    posts = [
        running.http.post(
            f"/v1/complaints/{subject}/promises",
            json={"subject": "action", "item": item, "due_at": ahead(days=2)},
            headers={"if-match": seen},
        )
        for item in ("refund", "letter")
    ]
    assert sorted(one.status_code for one in await asyncio.gather(*posts)) == [201, 412]


async def test_a_promise_is_moved_with_a_reason_and_says_so(running: Front) -> None:
    subject = await running.opened()
    answer, seen = await running.clocks(subject)
    later = (datetime.fromisoformat(answer["promises"][0]["due_at"]) + timedelta(hours=1)).isoformat()
    path = f"/v1/complaints/{subject}/promises/1/revision"
    moved = await running.http.post(
        path, json={"due_at": later, "reason": "supplier_delay"}, headers={"if-match": seen}
    )
    assert moved.status_code == 200
    assert [one["reason"] for one in moved.json()["promises"]] == [None, "supplier_delay"]
    assert [type(fact) for fact in await running.said(subject)][-1] is PromiseRevised
    for body in ({"due_at": later}, {"due_at": later, "reason": "No words of people here."}, {"reason": "x"}):
        wrong = await running.http.post(path, json=body, headers={"if-match": moved.headers["etag"]})
        assert wrong.status_code == 422, body
    old = await running.http.post(
        path, json={"due_at": ahead(days=12), "reason": "x"}, headers={"if-match": moved.headers["etag"]}
    )
    assert (old.status_code, "revise 2" in old.json()["detail"]) == (409, True)


async def test_beyond_the_cap_a_date_waits_until_somebody_who_may_has_decided(running: Front) -> None:
    subject = await running.opened(severity="critical")  # two business days beyond the first date
    _, seen = await running.clocks(subject)
    path = f"/v1/complaints/{subject}/promises/1"
    far = {"due_at": ahead(days=20), "reason": "supplier_delay"}
    asked = await running.http.post(f"{path}/revision", json=far, headers={"if-match": seen})
    assert asked.status_code == 202
    assert [one["approved"] for one in asked.json()["extensions"]] == [None]
    assert len(asked.json()["promises"]) == 1, "nothing has moved"
    assert [type(fact) for fact in await running.said(subject)][-1] is ExtensionRequested

    mine = {**running.headers("complaints:read", "promises:write"), "if-match": asked.headers["etag"]}
    refused = await running.http.post(f"{path}/extension", json={"approve": True}, headers=mine)
    alone = await running.http.post(f"{path}/revision", json={**far, "approve": True}, headers=mine)
    assert (refused.status_code, alone.status_code) == (403, 403)

    granted = await running.http.post(
        f"{path}/extension", json={"approve": True}, headers={"if-match": asked.headers["etag"]}
    )
    assert granted.status_code == 200
    [extension] = granted.json()["extensions"]
    assert (extension["approved"], extension["by"]) == (True, "crm")
    assert [one["promise"] for one in granted.json()["promises"]] == [1, 2]


async def test_writing_needs_its_own_scope(running: Front) -> None:
    subject = await running.opened()
    _, seen = await running.clocks(subject)
    headers = {**running.headers("complaints:read"), "if-match": seen}
    body = {"subject": "next_update", "due_at": ahead(days=2)}
    answer = await running.http.post(f"/v1/complaints/{subject}/promises", json=body, headers=headers)
    assert (answer.status_code, "promises:write" in answer.json()["detail"]) == (403, True)


async def test_an_unknown_complaint_has_no_promises(running: Front) -> None:
    path = f"/v1/complaints/{uuid4()}"
    body = {"subject": "next_update", "due_at": ahead(days=2)}
    made = await running.http.post(f"{path}/promises", json=body, headers={"if-match": '"1"'})
    suggested = await running.http.get(f"{path}/promises:suggest")
    assert (made.status_code, suggested.status_code) == (404, 404)


async def test_a_date_is_suggested_from_what_nine_in_ten_similar_complaints_took(running: Front) -> None:
    subject = await running.opened()
    path = f"/v1/complaints/{subject}/promises:suggest"
    alone = (await running.http.get(path)).json()
    assert alone["like"] is None
    assert "Too few similar complaints" in alone["because"]

    async with transaction(running.runtime.pool) as conn:  # one hour to fifty, and the slowest two far beyond
        await conn.execute(
            """
            insert into complaint (complaint_id, state, version, policy, category, spent_seconds, received_at)
            select gen_random_uuid(), '{}', 1, 'everyday', 'billing/refund', 3600 * n, now() - interval '30 days'
            from generate_series(1, $1::int) as n
            """,
            SAMPLE_MIN + 5,
        )
    found = (await running.http.get(path)).json()
    assert (found["like"], found["sample"]) == ("billing/refund", SAMPLE_MIN + 5)
    assert "within 23 h of opening time" in found["because"], "the 23rd of 25"
    due_at = datetime.fromisoformat(found["due_at"])
    assert due_at > datetime.now(UTC)
    assert due_at.weekday() < 5
    assert found["date"] == due_at.date().isoformat()

    other = await running.opened()
    await running.hears(other, (triaged(category=("billing", "fees")), datetime.now(UTC)))
    wider = (await running.http.get(f"/v1/complaints/{other}/promises:suggest")).json()
    assert wider["like"] == "billing", "nobody complained of fees before: the category above has enough"


async def test_a_closed_complaint_has_no_date_to_suggest(running: Front) -> None:
    subject = await running.opened()
    now = datetime.now(UTC)
    await running.hears(subject, (Resolved(outcome="upheld", resolved_at=now), now))
    assert (await running.http.get(f"/v1/complaints/{subject}/promises:suggest")).status_code == 409


async def test_a_date_is_explained_as_it_was_believed_and_in_whose_words(running: Front) -> None:
    subject = await running.opened(ago=timedelta(days=3))
    before = (datetime.now(UTC) - timedelta(days=4)).isoformat()
    path = f"/v1/complaints/{subject}/clocks"
    assert (await running.http.get(path, params={"at": before})).status_code == 404, "it was not known then"
    now = datetime.now(UTC)
    await running.hears(subject, (Resolved(outcome="upheld", resolved_at=now), now))
    then = (await running.http.get(path, params={"at": (now - timedelta(days=1)).isoformat()})).json()
    phases = {one["clock"]: one["phase"] for one in then["clocks"]}
    assert phases["requester_wait"] == "running", "nobody knew of the answer yet"
    assert {one["clock"]: one["phase"] for one in (await running.clocks(subject))[0]["clocks"]}[
        "requester_wait"
    ] == "stopped"
    mine = (await running.http.get(path, params={"for": "customer"})).json()
    assert (mine["clocks"], [one["because"][:11] for one in mine["promises"]]) == ([], ["We promised"])


# ── over all complaints ───────────────────────────────────────────────────────────────────────────────────────────────


async def test_what_is_late_comes_first_and_says_why(running: Front) -> None:
    late = await running.opened(ago=timedelta(days=30), team="risky")
    soon = await running.opened(severity="critical", team="risky")
    await running.opened(team="elsewhere")
    found = (await running.http.get("/v1/at-risk", params={"within": "PT30M", "team": "risky"})).json()
    assert {one["complaint_id"] for one in found["items"]} == {late, soon}
    assert [one["is_late"] for one in found["items"]] == sorted(
        (one["is_late"] for one in found["items"]), reverse=True
    )
    assert all(one["because"] for one in found["items"])
    assert {one["kind"] for one in found["items"]} == {"clock", "promise"}
    nothing = (await running.http.get("/v1/at-risk", params={"within": "PT0S", "team": "nobody"})).json()
    assert nothing["items"] == []


@pytest.mark.parametrize("within", ["P400D", "-PT1H", "soon"])
async def test_a_time_ahead_that_makes_no_sense_is_refused(running: Front, within: str) -> None:
    assert (await running.http.get("/v1/at-risk", params={"within": within})).status_code == 422


async def test_the_list_of_what_is_at_risk_reads_by_index(running: Front) -> None:
    from services.sla.reports.at_risk import COUNT, LATEST_OF_TEAM, OF_ALL, OF_TEAM, TEAMS

    async with transaction(running.runtime.pool) as conn:
        await conn.execute("set local enable_seqscan = off")
        now = datetime.now(UTC)
        span = (now - timedelta(days=9), now, 100, 0)
        known = [(OF_ALL, span), *((one, (*span, "risky")) for one in (OF_TEAM, LATEST_OF_TEAM))]
        for query, given in (*known, (COUNT, (now, "risky")), (COUNT, (now, None)), (TEAMS, ())):
            plan = await conn.fetch(f"explain {query}", *given)
            text = "\n".join(row[0] for row in plan)
            assert "Seq Scan" not in text, text


async def test_due_dates_are_a_calendar_that_clients_can_follow(running: Front) -> None:
    subject = await running.opened(team="diary")
    first = await running.http.get("/v1/teams/diary/due.ics")
    assert first.headers["content-type"] == "text/calendar; charset=utf-8"
    entries = list(icalendar.Calendar.from_ical(first.content).walk("VEVENT"))
    assert len(entries) >= 3
    assert {entry["dtstart"].dt.utcoffset() for entry in entries} == {timedelta()}
    assert len({str(entry["uid"]) for entry in entries}) == len(entries)
    assert b"shop" not in first.content
    assert b"R-1" not in first.content

    same = await running.http.get("/v1/teams/diary/due.ics", headers={"if-none-match": first.headers["etag"]})
    assert same.status_code == 304
    _, seen = await running.clocks(subject)
    moved = {"due_at": ahead(days=15), "reason": "supplier_delay"}
    await running.http.post(f"/v1/complaints/{subject}/promises/1/revision", json=moved, headers={"if-match": seen})
    now = datetime.now(UTC)
    await running.hears(subject, (told(2, now, "promise_moved"), now))
    after = await running.http.get("/v1/teams/diary/due.ics")
    uids = {str(one["uid"]) for one in icalendar.Calendar.from_ical(after.content).walk("VEVENT")}
    assert {str(entry["uid"]) for entry in entries} == uids, "an entry whose date moves stays the same entry"


async def test_a_date_stays_at_risk_while_its_answer_is_known_to_us_alone(running: Front) -> None:
    subject = await running.opened(severity="critical", team="unsent")
    now = datetime.now(UTC)
    asked = {"within": "P30D", "team": "unsent"}

    async def at_risk() -> set[str]:
        return {one["kind"] for one in (await running.http.get("/v1/at-risk", params=asked)).json()["items"]}

    await running.hears(subject, (Resolved(outcome="upheld", resolved_at=now), now))
    assert "promise" in await at_risk()
    await running.hears(subject, (told(None, now, "resolution"), now))
    assert "promise" not in await at_risk()


async def test_figures_of_promises_are_counted_from_what_was_told(running: Front) -> None:
    team, ago = "figures", timedelta(days=40)
    at = datetime.now(UTC) - ago
    kept = await running.opened(ago=ago, team=team)
    await running.hears(kept, *answered(at + OFTEN))
    broken = await running.opened(ago=ago, team=team)
    for _ in range(5):
        await running.runtime.timers.run_once()
    late = datetime.now(UTC)
    overdue = await running.opened(ago=ago, team=team)
    await running.hears(overdue, *answered(late))
    given = {"since": (at - timedelta(days=1)).isoformat(), "until": late.isoformat(), "team": team}
    found = (await running.http.get("/v1/promises/figures", params=given)).json()
    assert (found["promises"], found["kept_first"], found["broken"], found["broken_then_kept"]) == (3, 1, 1, 1)
    assert (found["kept_first_share"], found["complaints"]) == (0.3333, 3)
    assert any(isinstance(fact, PromiseBroken) for fact in await running.said(broken))
    none = (await running.http.get("/v1/promises/figures", params={**given, "team": "nobody"})).json()
    assert (none["promises"], none["kept_share"]) == (0, None)


async def test_what_was_kept_long_before_its_date_counts_in_the_time_of_its_date(running: Front) -> None:
    early = await running.opened(team="early")
    now = datetime.now(UTC)
    await running.hears(early, *answered(now))
    due = datetime.fromisoformat((await running.clocks(early))[0]["promises"][0]["due_at"])
    path, given = "/v1/promises/figures", {"until": (due + OFTEN).isoformat(), "team": "early"}
    around = (await running.http.get(path, params={**given, "since": (due - OFTEN).isoformat()})).json()
    assert (around["promises"], around["kept_first"], around["kept_share"]) == (1, 1, 1.0)
    at_once = (await running.http.get(path, params={**given, "since": due.isoformat()})).json()
    assert at_once["promises"] == 1, "its row was written days before that"

    async with transaction(running.runtime.pool) as conn:
        await conn.execute("update complaint set last_due_at = null where complaint_id = $1::uuid", early)
    from_before = (await running.http.get(path, params={**given, "since": due.isoformat()})).json()
    assert from_before["promises"] == 1, "a row from before the column is read rather than left out"


async def test_a_period_that_makes_no_sense_is_refused(running: Front) -> None:
    for since, until in (
        ("2026-02-01T00:00:00Z", "2026-01-01T00:00:00Z"),
        ("2020-01-01T00:00:00Z", "2026-01-01T00:00:00Z"),
    ):
        answer = await running.http.get("/v1/promises/figures", params={"since": since, "until": until})
        assert answer.status_code == 422


# ── what was down ─────────────────────────────────────────────────────────────────────────────────────────────────────


def watch() -> OutageMonitor:
    return OutageMonitor(
        OutageLimits(
            every=OFTEN,
            gap=timedelta(seconds=60),
            lag=timedelta(minutes=5),
            untold=timedelta(minutes=15),
            untold_count=3,
            horizon=timedelta(days=30),
        )
    )


async def cleared(running: Front) -> None:
    async with transaction(running.runtime.pool) as conn:
        await conn.execute("delete from outage")
        await conn.execute("delete from heartbeat")
    running.runtime.metrics.gauge("redress_lag_seconds", 0)


async def outages(running: Front) -> list[tuple[str, bool]]:
    found = (await running.http.get("/v1/outages")).json()["outages"]
    return [(one["cause"], one["until"] is not None) for one in found]


async def test_a_time_in_which_nobody_lived_is_written_down_at_the_next_sign_of_life(running: Front) -> None:
    await cleared(running)
    guard = watch()
    await guard.run_once(running.runtime)
    assert await outages(running) == []
    await guard.run_once(running.runtime)
    assert await outages(running) == [], "lived all the time"
    async with transaction(running.runtime.pool) as conn:
        await conn.execute(
            "update heartbeat set at = now() - interval '2 hours', expires_at = now() - interval '1 hour'"
        )
    assert await outages(running) == [("downtime", False)], "known even before it is written down"
    await guard.run_once(running.runtime)
    assert await outages(running) == [("downtime", True)]


async def test_what_fell_due_while_nobody_lived_is_put_down_to_that(running: Front) -> None:
    await cleared(running)
    subject = await running.opened(ago=timedelta(hours=2), severity="critical", team="night")
    async with transaction(running.runtime.pool) as conn:
        await conn.execute(
            "insert into heartbeat (at, expires_at) values (now() - interval '3 hours', now() - interval '2 hours')"
        )
    for _ in range(3):
        await running.runtime.timers.run_once()
    causes = {fact.cause for fact in await running.said(subject) if isinstance(fact, ClockBreached)}
    assert causes == {"downtime"}
    await watch().run_once(running.runtime)
    found = (await running.http.get("/v1/breaches", params={"team": "night"})).json()
    assert set(found["by_cause"]) == {"downtime"}
    assert {one["clock"] for one in found["missed"]} >= {"assignment"}
    assert {one["team"] for one in found["missed"]} == {"night"}


async def test_lag_beyond_the_limit_is_an_outage_that_ends_when_nobody_sees_it_any_more(running: Front) -> None:
    await cleared(running)
    running.runtime.metrics.gauge("redress_lag_seconds", 900)
    await watch().run_once(running.runtime)
    await watch().run_once(running.runtime)
    assert await outages(running) == [("lag", False)]
    assert running.runtime.metrics.value("redress_outage", label="lag") == 1
    running.runtime.metrics.gauge("redress_lag_seconds", 0)
    await watch().run_once(running.runtime)
    assert await outages(running) == [("lag", False)], "another replica may still see it"
    async with transaction(running.runtime.pool) as conn:
        await conn.execute("update outage set seen_at = now() - interval '2 minutes'")
    await watch().run_once(running.runtime)
    assert await outages(running) == [("lag", True)]


async def test_while_something_is_down_each_promise_that_falls_due_soon_is_named_once(running: Front) -> None:
    await cleared(running)
    subject = await running.opened(team="named")
    running.runtime.metrics.gauge("redress_lag_seconds", 900)
    guard = watch()
    assert await guard.run_once(running.runtime) >= 1
    assert await guard.run_once(running.runtime) == 0
    await watch().run_once(running.runtime)  # another process, which has named nothing itself
    named = [fact for fact in await running.said(subject) if isinstance(fact, PromiseAtRisk)]
    assert [(one.promise, one.cause) for one in named] == [(1, "lag")]


async def test_after_a_downtime_each_promise_that_lost_working_time_by_it_is_named_once(running: Front) -> None:
    await cleared(running)
    before = await running.opened(ago=timedelta(hours=3), severity="critical", team="woken")
    async with transaction(running.runtime.pool) as conn:
        await conn.execute(
            "insert into heartbeat (at, expires_at) values (now() - interval '2 hours', now() - interval '1 hour')"
        )
        await watch().beat(conn)  # as a start does, before anything falls due
    after = await running.opened(severity="critical", team="woken")
    guard = watch()
    assert await guard.run_once(running.runtime) >= 1
    assert [await guard.run_once(running.runtime) for _ in range(2)] == [0, 0]
    await watch().run_once(running.runtime)  # another process
    found = {subject: await running.said(subject) for subject in (before, after)}
    named = {subject: [one for one in said if isinstance(one, PromiseAtRisk)] for subject, said in found.items()}
    assert [(one.promise, one.cause) for one in named[before]] == [(1, "downtime")]
    assert named[after] == [], "nobody was down since it was made"

    async with transaction(running.runtime.pool) as conn:
        await conn.execute("update outage set since = since - interval '31 days', until = until - interval '31 days'")
    later = await running.opened(ago=timedelta(hours=3), severity="critical", team="woken")
    assert await watch().run_once(running.runtime) == 0
    assert not [one for one in await running.said(later) if isinstance(one, PromiseAtRisk)]


async def test_a_promise_broken_long_ago_hides_none_that_falls_due_soon(running: Front) -> None:
    await cleared(running)
    subject = await running.opened(ago=timedelta(days=5), severity="critical", team="owed")
    while await running.runtime.timers.run_once():
        pass
    _, seen = await running.clocks(subject)
    soon = {"subject": "next_update", "due_at": (datetime.now(UTC) + timedelta(hours=1)).isoformat()}
    await running.http.post(f"/v1/complaints/{subject}/promises", json=soon, headers={"if-match": seen})
    running.runtime.metrics.gauge("redress_lag_seconds", 900)
    guard = watch()
    await guard.run_once(running.runtime)
    now = datetime.now(UTC)
    await running.hears(subject, (told(2, now, "progress"), now))
    await guard.run_once(running.runtime)  # only now was it told
    await guard.run_once(running.runtime)
    named = [fact for fact in await running.said(subject) if isinstance(fact, PromiseAtRisk)]
    assert [(one.promise, one.cause, one.subject) for one in named] == [(2, "lag", "next_update")]


async def test_what_falls_due_soon_is_found_by_index(running: Front) -> None:
    async with transaction(running.runtime.pool) as conn:
        await conn.execute("set local enable_seqscan = off")
        plan = await conn.fetch(f"explain {SOON}", datetime.now(UTC), SOON_MAX)
        text = "\n".join(row[0] for row in plan)
        assert "complaint_promised" in text, text


async def test_dates_that_nobody_is_told_mean_that_the_provider_is_down(running: Front) -> None:
    await cleared(running)
    async with transaction(running.runtime.pool) as conn:
        await conn.execute("update complaint set untold_since = null")
    at = datetime.now(UTC) - timedelta(minutes=40)
    for n in range(3):
        assert await watch().run_once(running.runtime) == 0, n
        subject = complaint_id()
        await running.hears(
            subject,
            (ComplaintReceived(reference="R", client="shop", channel="web", received_at=at), at),
            (triaged(), at),
        )
    await watch().run_once(running.runtime)
    assert await outages(running) == [("provider", False)]
