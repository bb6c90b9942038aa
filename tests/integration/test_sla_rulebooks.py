"""Rulebooks over HTTP on real PostgreSQL: drafted, compared, rehearsed, back-tested, published, and what is open moved."""

import asyncio
import json
import sys
import tomllib
from collections.abc import AsyncIterator
from copy import deepcopy
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest

from services.sla.app import build
from services.sla.policies.loader import STANDARD
from services.sla.settings import Settings
from services.sla.store.rulebooks import RulebookRepository
from services.sla.workers.rebase import Moved, RecomputeWorker
from shared.auth import create_token
from shared.contracts import read
from shared.contracts.events import ClockRebased, ComplaintReceived, MessageAccepted, PromiseMade, Triaged
from shared.http.app import build_http_app
from shared.ops.probe import Probe
from shared.runtime import Runtime
from shared.storage.postgres import connect, migrate, transaction
from tests.factories import complaint_id, event, record

SCOPES = frozenset({"complaints:read", "sla:write"})
STANDARD_DATA = tomllib.loads(STANDARD.read_text("utf-8"))


def closed_tomorrow() -> dict[str, Any]:
    """The rulebook that ships with us with the next five days as holidays of the office."""
    data = deepcopy(STANDARD_DATA)
    today = datetime.now(UTC).date()
    days = [{"on": str(today + timedelta(days=n)), "name": "storm"} for n in range(1, 6)]
    office = next(one for one in data["calendar"] if one["id"] == "office")
    data["calendar"].append({**office, "version": 2, "holidays": [*office["holidays"], *days]})
    return data


@dataclass
class Front:
    """The routes of sla, the runtime behind them, and tokens for them."""

    http: httpx.AsyncClient
    runtime: Runtime
    private_key: Path

    async def heard(self, *, ago: timedelta = timedelta(), told: bool = True) -> str:
        subject, at = complaint_id(), datetime.now(UTC) - ago
        received = ComplaintReceived(reference="R-1", client="shop", channel="web", received_at=at)
        triaged = Triaged(
            category=("billing",), severity="normal", language="en", confidence=1, decided_by="r", decider_version="1"
        )
        accepted = MessageAccepted(
            message="m", message_kind="acknowledgement", channel="email", cause="c", accepted_at=at, locale="en",
            template="t", states_promise=1,
        )  # fmt: skip
        facts = [triaged, received, *([accepted] if told else [])]
        await self.runtime.runner.apply_records([record(event(one, subject=subject, time=at)) for one in facts])
        return str(subject)

    async def said(self, subject: str, kind: type[Any]) -> list[Any]:
        rows = await self.runtime.pool.fetch(
            "select value from outbox o where key = $1::uuid order by o.xid, o.id", subject
        )
        return [fact for row in rows if isinstance(fact := read(row[0]).facts, kind)]

    async def drafted(self, document: dict[str, Any]) -> str:
        answer = await self.http.post("/v1/rulebook/drafts", json=document)
        assert answer.status_code == 201, answer.text
        assert answer.headers["etag"] == '"1"'
        return answer.json()["draft_id"]

    async def ask(self, draft: str, what: str, form: dict[str, Any], version: str = '"1"') -> httpx.Response:
        return await self.http.post(f"/v1/rulebook/drafts/{draft}:{what}", json=form, headers={"if-match": version})

    async def rehearsed(self, draft: str, what: str, form: dict[str, Any]) -> dict[str, Any]:
        answer = await self.ask(draft, what, form)
        assert answer.status_code in (200, 202), answer.text
        async with asyncio.timeout(30):
            while answer.json()["status"] == "running":
                answer = await self.http.get(answer.headers["location"])
        assert answer.json()["status"] == "done", answer.text
        return answer.json()

    async def published(self, document: dict[str, Any], mode: str) -> int:
        draft = await self.drafted(document)
        await self.rehearsed(draft, "dry-run", {"mode": mode})
        answer = await self.ask(draft, "publish", {"mode": mode, "reason": "a storm warning"})
        assert answer.status_code == 200, answer.text
        return answer.json()["revision"]


@pytest.fixture
async def sla(dsns: dict[str, str], keys: tuple[Path, Path]) -> AsyncIterator[Front]:
    dsn = dsns["sla"]
    chosen = Settings(postgres=dsn, auth_public_key_file=keys[1], kafka="127.0.0.1:1")  # type: ignore[arg-type]
    app = build(chosen)
    runtime = app.runtime
    await migrate(dsn, app.schema)
    runtime.set_pool(await connect(chosen, "sla"))
    assert app.on_open
    await app.on_open()
    _, asgi = build_http_app(runtime, Probe("sla", chosen, runtime.metrics), app.routes, app.hot)
    token = create_token(keys[0], client="ops", scopes=SCOPES, lasts=timedelta(hours=1), audience="redress")
    transport = httpx.ASGITransport(asgi)  # type: ignore[arg-type]
    headers = {"authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://sla", headers=headers) as http:
        yield Front(http, runtime, keys[0])
    await runtime.close()


async def revisions_of(sla: Front) -> list[tuple[str, int]]:
    rows = await sla.runtime.pool.fetch("select complaint_id, revision from complaint order by complaint_id")
    return [(str(row[0]), row[1]) for row in rows]


async def test_a_late_holiday_goes_from_draft_to_moved_dates_and_leaves_promises_alone(sla: Front) -> None:
    subject = await sla.heard()
    promised = (await sla.said(subject, PromiseMade))[0].due_at
    draft = await sla.drafted(closed_tomorrow())

    diff = (await sla.http.get(f"/v1/rulebook/drafts/{draft}/diff")).json()
    assert [(one["what"], one["how"], one["id"]) for one in diff["changes"]] == [("calendar", "changed", "office")]
    assert diff["sentences"][0] == "Calendar 'office' goes from version 1 to 2."

    too_soon = await sla.ask(draft, "publish", {"mode": "rebase_open", "reason": "a storm"})
    assert (too_soon.status_code, "dry run" in too_soon.json()["detail"]) == (409, True)

    told = await sla.rehearsed(draft, "dry-run", {"mode": "rebase_open"})
    report = told["report"]
    assert (report["complaints"], report["promises_touched"], report["earlier"]) == (1, 0, 0)
    assert report["later"] >= 1
    assert report["examples"][0]["complaint_id"] == subject
    assert sum(one["before"] for one in report["load"]) == sum(one["after"] for one in report["load"]) > 0
    assert told["sentences"][-1] == "No promise is touched."
    assert await sla.said(subject, ClockRebased) == []

    other_mode = await sla.ask(draft, "publish", {"mode": "rebase_remaining", "reason": "a storm"})
    assert (other_mode.status_code, "for rebase_open" in other_mode.json()["detail"]) == (409, True)
    done = await sla.ask(draft, "publish", {"mode": "rebase_open", "reason": "a storm"})
    assert done.json() == {"revision": 2}
    assert (await sla.http.get(f"/v1/rulebook/drafts/{draft}")).status_code == 404

    assert await RecomputeWorker().run_once(sla.runtime) == Moved(done=1)
    moved = await sla.said(subject, ClockRebased)
    assert len(moved) == report["later"]
    assert {(one.reason, one.actor) for one in moved} == {("a storm", "ops")}
    pledges = (await sla.http.get(f"/v1/complaints/{subject}/clocks")).json()["promises"]
    assert [datetime.fromisoformat(one["due_at"]) for one in pledges] == [promised]


async def test_a_dry_run_that_could_not_compute_what_is_open_allows_nothing(sla: Front) -> None:
    subject = await sla.heard()
    await sla.runtime.pool.execute("update complaint set state = jsonb_set(state, '{promises,0,cycle}', '9')")
    draft = await sla.drafted(closed_tomorrow())
    told = await sla.rehearsed(draft, "dry-run", {"mode": "rebase_open"})
    assert (told["report"]["complaints"], told["report"]["failed"]) == (0, 1)
    assert subject in told["sentences"][-2]
    refused = await sla.ask(draft, "publish", {"mode": "rebase_open", "reason": "a storm"})
    assert (refused.status_code, refused.json()["detail"][:49]) == (
        409,
        "1 of 1 open complaints could not be computed, so ",
    )
    assert (await sla.http.get("/v1/rulebook")).json()["revision"] == 1


async def test_nobody_publishes_over_what_somebody_else_published_or_wrote(sla: Front) -> None:
    one, other = await sla.drafted(closed_tomorrow()), await sla.drafted(STANDARD_DATA)
    for draft in (one, other):
        await sla.rehearsed(draft, "dry-run", {"mode": "new_only"})
    form = {"mode": "new_only", "reason": "first come"}
    assert (await sla.ask(one, "publish", form)).status_code == 200
    late = await sla.ask(other, "publish", form)
    assert (late.status_code, "revision 2 was published since" in late.json()["detail"]) == (409, True)

    path = f"/v1/rulebook/drafts/{other}"
    assert (await sla.http.put(path, json=closed_tomorrow())).status_code == 428
    changed = await sla.http.put(path, json=closed_tomorrow(), headers={"if-match": '"1"'})
    assert (changed.headers["etag"], changed.json()["dry_run"]) == ('"2"', None)
    stale = [
        await sla.http.put(path, json=closed_tomorrow(), headers={"if-match": '"1"'}),
        await sla.ask(other, "publish", form),
        await sla.ask(other, "dry-run", {"mode": "new_only"}),
        await sla.ask(other, "back-test", {"days": 3}),
        await sla.http.delete(path, headers={"if-match": '"1"'}),
    ]
    assert [answer.status_code for answer in stale] == [412] * 5
    assert (await sla.http.delete(path, headers={"if-match": '"2"'})).status_code == 204


async def test_rolling_back_is_a_draft_of_an_old_revision(sla: Front) -> None:
    assert await sla.published(closed_tomorrow(), "new_only") == 2
    copied = await sla.http.post("/v1/rulebook/drafts:copy", params={"revision": 1})
    draft = copied.json()["draft_id"]
    assert (await sla.http.get(f"/v1/rulebook/drafts/{draft}/diff")).json()["sentences"][0].endswith("version 2 to 1.")
    await sla.rehearsed(draft, "dry-run", {"mode": "rebase_open"})
    assert (await sla.ask(draft, "publish", {"mode": "rebase_open", "reason": "no storm"})).json() == {"revision": 3}
    listed = (await sla.http.get("/v1/rulebook/revisions")).json()["revisions"]
    assert [(one["revision"], one["mode"], one["actor"]) for one in listed] == [
        (3, "rebase_open", "ops"), (2, "new_only", "ops"), (1, "new_only", "rulebook file"),
    ]  # fmt: skip
    first, now = [(await sla.http.get(path)).json() for path in ("/v1/rulebook/revisions/1", "/v1/rulebook")]
    assert (first["document"], now["revision"]) == (now["document"], 3)
    calendars = (await sla.http.get("/v1/calendars")).json()["calendars"]
    assert {one["id"]: one["version"] for one in calendars}["office"] == 1


async def test_a_changed_file_is_published_at_the_start_and_moves_nothing_that_is_open(sla: Front) -> None:
    old = await sla.heard()
    shelf = RulebookRepository(closed_tomorrow(), lambda: datetime.now(UTC).date())
    for _ in range(2):  # the second start has nothing new to say
        async with transaction(sla.runtime.pool) as conn:
            await shelf.settle(conn)
    listed = (await sla.http.get("/v1/rulebook/revisions")).json()["revisions"]
    assert [(one["revision"], one["mode"], one["actor"]) for one in listed] == [
        (2, "new_only", "rulebook file"), (1, "new_only", "rulebook file"),
    ]  # fmt: skip
    assert await RecomputeWorker().run_once(sla.runtime) == Moved()
    assert dict(await revisions_of(sla)) == {old: 1}
    new = await sla.heard()
    assert dict(await revisions_of(sla)) == {old: 1, new: 2}


async def test_new_only_moves_nothing_and_does_not_hide_what_moves(sla: Front) -> None:
    old = await sla.heard()
    await sla.published(closed_tomorrow(), "rebase_open")
    later = closed_tomorrow()
    later["calendar"].append({**later["calendar"][-1], "version": 3, "holidays": []})
    assert await sla.published(later, "new_only") == 3
    new = await sla.heard()
    assert dict(await revisions_of(sla)) == {old: 1, new: 3}
    assert await RecomputeWorker().run_once(sla.runtime) == Moved(done=1)
    assert dict(await revisions_of(sla)) == {old: 2, new: 3}
    assert await RecomputeWorker().run_once(sla.runtime) == Moved()


async def test_two_replicas_and_a_worker_that_stops_half_way_move_each_complaint_once(sla: Front) -> None:
    subjects = [await sla.heard() for _ in range(12)]
    await sla.published(closed_tomorrow(), "rebase_open")
    stopped = asyncio.Event()
    stopped.set()
    assert await RecomputeWorker(batch=2).run_once(sla.runtime, stopped) == Moved()
    both = await asyncio.gather(*(RecomputeWorker(batch=2, flights=2).run_once(sla.runtime) for _ in range(2)))
    assert sum(one.done for one in both) == 12
    assert all(one.done for one in both)
    assert {revision for _, revision in await revisions_of(sla)} == {2}
    for subject in subjects:
        moved = await sla.said(subject, ClockRebased)
        assert len(moved) == len({(one.clock, one.cycle) for one in moved}) > 0


# Whoever writes that complaint waits for a lock that the test holds.
HELD_AT = """
create function held() returns trigger language plpgsql as $$
begin perform pg_advisory_xact_lock(7); return new; end $$;
create trigger held before update on complaint for each row when (new.complaint_id = '{subject}') execute function held()
"""


async def test_a_worker_killed_in_the_middle_leaves_the_rest_to_the_next(
    sla: Front, dsns: dict[str, str], keys: tuple[Path, Path]
) -> None:
    subjects = [await sla.heard() for _ in range(20)]
    await sla.published(closed_tomorrow(), "rebase_open")
    pool = sla.runtime.pool
    await pool.execute(HELD_AT.format(subject=subjects[7]))
    async with transaction(pool) as held:  # the worker comes to this one, has it half written, and dies there
        await held.execute("select pg_advisory_xact_lock(7)")
        worker = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.movers", dsns["sla"], str(keys[1]), cwd=Path(__file__).parents[2]
        )
        async with asyncio.timeout(60):
            while not await pool.fetchval("select exists (select from pg_locks where not granted)"):
                await asyncio.sleep(0.02)
        worker.kill()
        await worker.wait()
    half = [revision for _, revision in await revisions_of(sla)]
    assert 0 < half.count(1) < len(subjects)
    async with asyncio.timeout(60):
        while {revision for _, revision in await revisions_of(sla)} != {2}:
            await RecomputeWorker().run_once(sla.runtime)
    for subject in subjects:
        moved = await sla.said(subject, ClockRebased)
        assert len(moved) == len({(one.clock, one.cycle) for one in moved}) > 0


async def test_the_worker_wakes_on_a_publication_and_ends_with_the_service(sla: Front) -> None:
    await sla.heard()
    rebaser, stopping, moved = RecomputeWorker(seconds=3600), asyncio.Event(), asyncio.Event()
    sla.runtime.on_commit(moved.set)
    at_work = asyncio.create_task(rebaser.rebase(sla.runtime, stopping))
    await sla.published(closed_tomorrow(), "rebase_open")
    rebaser.wake()
    await asyncio.wait_for(moved.wait(), 20)
    stopping.set()
    await asyncio.wait_for(at_work, 20)
    assert {revision for _, revision in await revisions_of(sla)} == {2}


async def test_a_back_test_counts_and_writes_nothing(sla: Front) -> None:
    for days in (1, 20, 40):
        await sla.heard(ago=timedelta(days=days), told=False)
    await sla.runtime.timers.run_once()
    before = await sla.runtime.pool.fetch("select complaint_id, state, version from complaint order by 1")
    same = await sla.drafted(STANDARD_DATA)
    report = (await sla.rehearsed(same, "back-test", {"days": 30}))["report"]
    assert (report["complaints"], report["gained"], report["lost"], report["load"]) == (2, 0, 0, [])
    assert all(one["before"] == one["after"] for one in report["breaches"])
    assert report["breaches"]

    milder = deepcopy(STANDARD_DATA)
    everyday = milder["policy"][-1]
    clocks = [{**one, "goal": {"calendar_days": 100}, "rungs": []} for one in everyday["clocks"]]
    milder["policy"].append({**everyday, "version": 2, "clocks": clocks})
    draft = await sla.drafted(milder)
    report = (await sla.rehearsed(draft, "back-test", {"days": 30}))["report"]
    assert (report["gained"], report["lost"]) == (0, sum(one["before"] for one in report["breaches"]))
    assert report["lost"] > 0
    assert report["signals"]["warnings_instead"] == report["signals"]["escalations_instead"] == 0
    assert await sla.runtime.pool.fetch("select complaint_id, state, version from complaint order by 1") == before


def crooked() -> dict[str, tuple[dict[str, Any], str]]:
    """What people get wrong, with a piece of the sentence that tells them."""
    office = STANDARD_DATA["calendar"][0]
    policy = STANDARD_DATA["policy"][-1]
    never = {**office, "id": "never", "weekly_hours": {}}
    week = office["weekly_hours"]
    overlaps = {**office, "version": 2, "weekly_hours": {**week, "mon": [["09:00", "12:00"], ["11:00", "17:00"]]}}
    backwards = {**office, "version": 2, "weekly_hours": {**week, "mon": [["17:00", "09:00"]]}}
    nowhere = {**office, "version": 2, "tz": "Europe/Atlantis"}
    unasked = {**policy, "id": "after-the-last", "when": {"severity": ["low"]}}
    narrower = {**policy, "id": "narrower", "when": {"severity": ["low"], "channel": ["phone"]}}
    unknown = {**policy, "id": "odd", "when": {"mood": ["bad"]}}
    other = {**office, "tz": "Europe/Oslo"}
    days = {**policy, "version": 2, "clocks": [{"kind": "requester_wait", "goal": {"days": 3}}]}

    def calendars(*more: dict[str, Any]) -> dict[str, Any]:
        return {**STANDARD_DATA, "calendar": [*STANDARD_DATA["calendar"], *more]}

    def policies(*listed: dict[str, Any]) -> dict[str, Any]:
        return {**STANDARD_DATA, "policy": list(listed)}

    return {
        "never open": (calendars(never), "never"),
        "overlapping": (calendars(overlaps), "overlap"),
        "backwards": (calendars(backwards), "17:00"),
        "no such zone": (calendars(nowhere), "Europe/Atlantis"),
        "behind one that asks nothing": (policies(policy, unasked, {**policy, "id": "x"}), "match nothing"),
        "behind a broader one": (policies(unasked, narrower, policy), "'narrower' can never match"),
        "unknown field": (policies(unknown, policy), "category"),
        "no policy for the rest": (policies(unasked), "must have no 'when'"),
        "same version, other contents": ({**STANDARD_DATA, "calendar": [other, *STANDARD_DATA["calendar"][1:]]}, "2"),
        "days of which kind": (policies(policy, days), "business_days or calendar_days"),
        "another section": ({**STANDARD_DATA, "holiday": []}, "[[calendar]]"),
        "no list": ({"calendar": {}}, "calendar: expected a list"),
    }


@pytest.mark.parametrize("name", crooked())
async def test_what_makes_no_sense_is_refused_with_what_is_expected(sla: Front, name: str) -> None:
    document, sentence = crooked()[name]
    answer = await sla.http.post("/v1/rulebook/drafts", json=document)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert sentence in answer.json()["detail"]
    assert (await sla.http.get("/v1/rulebook/drafts")).json() == {"drafts": []}
    assert (await sla.http.get("/v1/rulebook")).json()["revision"] == 1


async def test_bodies_of_another_kind_size_or_depth_are_problems_not_failures(sla: Front) -> None:
    def post(content: bytes, kind: str = "application/json") -> Any:
        return sla.http.post("/v1/rulebook/drafts", content=content, headers={"content-type": kind})

    assert (await post(b"[[calendar]]", "application/toml")).status_code == 415
    assert (await post(b" " * 1_000_001)).status_code == 413
    for odd in (
        b"",
        b"[",
        b"[]",
        b"[" * 100_000,
        b'{"calendar": [{"id": "\\u0000"}]}',
        b'{"pack": [{"id": "\\ud800"}]}',
        b"\xff",
    ):
        assert (await post(odd)).status_code == 422
    many = json.dumps({"calendar": [{}] * 501}).encode()
    assert "at most 500" in (await post(many)).json()["detail"]


async def test_reading_and_writing_need_their_scopes(sla: Front) -> None:
    def bearer(*scopes: str) -> dict[str, str]:
        token = create_token(
            sla.private_key, client="x", scopes=frozenset(scopes), lasts=timedelta(hours=1), audience="redress"
        )
        return {"authorization": f"Bearer {token}"}

    draft = UUID(int=1)
    reader = bearer("complaints:read")
    assert (await sla.http.get("/v1/rulebook", headers=reader)).status_code == 200
    assert (await sla.http.get("/v1/rulebook", headers=bearer("sla:write"))).status_code == 403
    for verb, path in (
        ("POST", "/v1/rulebook/drafts"),
        ("POST", "/v1/rulebook/drafts:copy?revision=1"),
        ("PUT", f"/v1/rulebook/drafts/{draft}"),
        ("DELETE", f"/v1/rulebook/drafts/{draft}"),
        ("POST", f"/v1/rulebook/drafts/{draft}:dry-run"),
        ("POST", f"/v1/rulebook/drafts/{draft}:back-test"),
        ("POST", f"/v1/rulebook/drafts/{draft}:publish"),
    ):
        assert (await sla.http.request(verb, path, headers=reader)).status_code == 403, path
    assert (await sla.http.get(f"/v1/rulebook/drafts/{draft}")).status_code == 404
    assert (await sla.http.get("/v1/rulebook/revisions/99")).status_code == 404


async def test_a_rehearsal_whose_process_died_is_told_as_interrupted_and_can_be_made_again(sla: Front) -> None:
    draft = await sla.drafted(closed_tomorrow())
    died = {"run": "x", "status": "running", "version": 1, "base": 1, "mode": "new_only", "done": 3, "of": 9}
    died["at"] = str(datetime.now(UTC) - timedelta(minutes=2))
    await sla.runtime.pool.execute(
        "update draft set dry_run = $2::jsonb where draft_id = $1::uuid", draft, json.dumps(died)
    )
    told = (await sla.http.get(f"/v1/rulebook/drafts/{draft}/dry-run")).json()
    assert (told["status"], told["done"], told["of"]) == ("interrupted", 3, 9)
    refused = await sla.ask(draft, "publish", {"mode": "new_only", "reason": "a storm"})
    assert (refused.status_code, "has to come first" in refused.json()["detail"]) == (409, True)
    assert (await sla.rehearsed(draft, "dry-run", {"mode": "new_only"}))["report"]["complaints"] == 0


async def test_a_draft_that_fits_no_more_is_refused_at_its_rehearsal_and_nothing_is_published(sla: Front) -> None:
    mine, other = closed_tomorrow(), closed_tomorrow()
    other["calendar"][-1] = {**other["calendar"][-1], "name": "another version 2"}
    draft = await sla.drafted(mine)
    await sla.published(other, "new_only")
    late = await sla.ask(draft, "dry-run", {"mode": "new_only"})
    assert (late.status_code, "a change is a new version, such as 3" in late.json()["detail"]) == (422, True)
    assert (await sla.http.get(f"/v1/rulebook/drafts/{draft}/diff")).status_code == 422
    assert (await sla.http.get("/v1/rulebook")).json()["revision"] == 2
