"""Rulebooks over HTTP on real PostgreSQL: drafted, compared, rehearsed and published."""

import json
from copy import deepcopy
from datetime import UTC, datetime, timedelta

from services.sla.store.rulebooks import RulebookRepository
from services.sla.workers.recompute import RecomputeCount, RecomputeWorker
from shared.contracts.events import (
    ClockRebased,
    PromiseMade,
)
from shared.storage.postgres import transaction
from tests.integration.sla_client import STANDARD_DATA, SlaClient, storm_rulebook


async def test_a_published_holiday_moves_due_times_of_clocks_but_no_promise(sla: SlaClient) -> None:
    subject = await sla.triaged()
    promised = (await sla.published(subject, PromiseMade))[0].due_at
    draft = await sla.draft(storm_rulebook())

    diff = (await sla.http.get(f"/v1/rulebook/drafts/{draft}/diff")).json()
    assert [(change["what"], change["how"], change["id"]) for change in diff["changes"]] == [
        ("calendar", "changed", "office")
    ]
    assert diff["sentences"][0] == "Calendar 'office' changes from version 1 to 2."

    too_soon = await sla.request(draft, "publish", {"mode": "rebase_open", "reason": "a storm"})
    assert (too_soon.status_code, "dry run" in too_soon.json()["detail"]) == (409, True)

    result = await sla.rehearse(draft, "dry-run", {"mode": "rebase_open"})
    report = result["report"]
    assert (report["complaints"], report["promises_touched"], report["earlier"]) == (1, 0, 0)
    assert report["later"] >= 1
    assert report["examples"][0]["complaint_id"] == subject
    assert sum(hour["before"] for hour in report["load"]) == sum(hour["after"] for hour in report["load"]) > 0
    assert result["sentences"][-1] == "No promise is touched."
    assert await sla.published(subject, ClockRebased) == []

    other_mode = await sla.request(draft, "publish", {"mode": "rebase_remaining", "reason": "a storm"})
    assert (other_mode.status_code, "for rebase_open" in other_mode.json()["detail"]) == (409, True)
    done = await sla.request(draft, "publish", {"mode": "rebase_open", "reason": "a storm"})
    assert done.json() == {"revision": 2}
    assert (await sla.http.get(f"/v1/rulebook/drafts/{draft}")).status_code == 404

    assert await RecomputeWorker().run_once(sla.runtime) == RecomputeCount(done=1)
    moved = await sla.published(subject, ClockRebased)
    assert len(moved) == report["later"]
    assert {(fact.reason, fact.actor) for fact in moved} == {("a storm", "ops")}
    promises = (await sla.http.get(f"/v1/complaints/{subject}/clocks")).json()["promises"]
    assert [datetime.fromisoformat(promise["due_at"]) for promise in promises] == [promised]


async def test_a_dry_run_with_a_failed_complaint_prevents_the_publication(sla: SlaClient) -> None:
    subject = await sla.triaged()
    await sla.runtime.pool.execute("update complaint set state = jsonb_set(state, '{promises,0,cycle}', '9')")
    draft = await sla.draft(storm_rulebook())
    result = await sla.rehearse(draft, "dry-run", {"mode": "rebase_open"})
    assert (result["report"]["complaints"], result["report"]["failed"]) == (0, 1)
    assert subject in result["sentences"][-2]
    refused = await sla.request(draft, "publish", {"mode": "rebase_open", "reason": "a storm"})
    assert (refused.status_code, refused.json()["detail"][:49]) == (
        409,
        "1 of 1 open complaints could not be computed, so ",
    )
    assert (await sla.http.get("/v1/rulebook")).json()["revision"] == 1


async def test_a_draft_cannot_overwrite_a_newer_revision_or_version(sla: SlaClient) -> None:
    first, other = await sla.draft(storm_rulebook()), await sla.draft(STANDARD_DATA)
    for draft in (first, other):
        await sla.rehearse(draft, "dry-run", {"mode": "new_only"})
    form = {"mode": "new_only", "reason": "first come"}
    assert (await sla.request(first, "publish", form)).status_code == 200
    late = await sla.request(other, "publish", form)
    assert (late.status_code, "revision 2 was published since" in late.json()["detail"]) == (409, True)

    path = f"/v1/rulebook/drafts/{other}"
    assert (await sla.http.put(path, json=storm_rulebook())).status_code == 428
    changed = await sla.http.put(path, json=storm_rulebook(), headers={"if-match": '"1"'})
    assert (changed.headers["etag"], changed.json()["dry_run"]) == ('"2"', None)
    stale = [
        await sla.http.put(path, json=storm_rulebook(), headers={"if-match": '"1"'}),
        await sla.request(other, "publish", form),
        await sla.request(other, "dry-run", {"mode": "new_only"}),
        await sla.request(other, "back-test", {"days": 3}),
        await sla.http.delete(path, headers={"if-match": '"1"'}),
    ]
    assert [answer.status_code for answer in stale] == [412] * 5
    assert (await sla.http.delete(path, headers={"if-match": '"2"'})).status_code == 204


async def test_a_roll_back_is_a_draft_of_an_old_revision(sla: SlaClient) -> None:
    assert await sla.publish(storm_rulebook(), "new_only") == 2
    copied = await sla.http.post("/v1/rulebook/drafts:copy", params={"revision": 1})
    draft = copied.json()["draft_id"]
    assert (await sla.http.get(f"/v1/rulebook/drafts/{draft}/diff")).json()["sentences"][0].endswith("version 2 to 1.")
    await sla.rehearse(draft, "dry-run", {"mode": "rebase_open"})
    assert (await sla.request(draft, "publish", {"mode": "rebase_open", "reason": "no storm"})).json() == {
        "revision": 3
    }
    listed = (await sla.http.get("/v1/rulebook/revisions")).json()["revisions"]
    assert [(revision["revision"], revision["mode"], revision["actor"]) for revision in listed] == [
        (3, "rebase_open", "ops"), (2, "new_only", "ops"), (1, "new_only", "rulebook file"),
    ]  # fmt: skip
    first, now = [(await sla.http.get(path)).json() for path in ("/v1/rulebook/revisions/1", "/v1/rulebook")]
    assert (first["document"], now["revision"]) == (now["document"], 3)
    calendars = (await sla.http.get("/v1/calendars")).json()["calendars"]
    assert {calendar["id"]: calendar["version"] for calendar in calendars}["office"] == 1


async def test_a_changed_file_is_published_at_the_start_for_new_complaints_only(sla: SlaClient) -> None:
    old = await sla.triaged()
    repository = RulebookRepository(storm_rulebook(), lambda: datetime.now(UTC).date())
    for _ in range(2):  # the file is unchanged at the second start
        async with transaction(sla.runtime.pool) as conn:
            await repository.publish_file(conn)
    listed = (await sla.http.get("/v1/rulebook/revisions")).json()["revisions"]
    assert [(revision["revision"], revision["mode"], revision["actor"]) for revision in listed] == [
        (2, "new_only", "rulebook file"), (1, "new_only", "rulebook file"),
    ]  # fmt: skip
    assert await RecomputeWorker().run_once(sla.runtime) == RecomputeCount()
    assert await sla.revisions() == {old: 1}
    new = await sla.triaged()
    assert await sla.revisions() == {old: 1, new: 2}


async def test_a_back_test_counts_and_writes_nothing(sla: SlaClient) -> None:
    for days in (1, 20, 40):
        await sla.triaged(ago=timedelta(days=days), is_told=False)
    await sla.runtime.timers.run_once()
    before = await sla.runtime.pool.fetch("select complaint_id, state, version from complaint order by 1")
    same = await sla.draft(STANDARD_DATA)
    report = (await sla.rehearse(same, "back-test", {"days": 30}))["report"]
    assert (report["complaints"], report["gained"], report["lost"], report["load"]) == (2, 0, 0, [])
    assert all(group["before"] == group["after"] for group in report["breaches"])
    assert report["breaches"]

    milder = deepcopy(STANDARD_DATA)
    everyday = milder["policy"][-1]
    clocks = [{**clock, "goal": {"calendar_days": 100}, "rungs": []} for clock in everyday["clocks"]]
    milder["policy"].append({**everyday, "version": 2, "clocks": clocks})
    draft = await sla.draft(milder)
    report = (await sla.rehearse(draft, "back-test", {"days": 30}))["report"]
    assert (report["gained"], report["lost"]) == (0, sum(group["before"] for group in report["breaches"]))
    assert report["lost"] > 0
    assert report["signals"]["warnings_instead"] == report["signals"]["escalations_instead"] == 0
    assert await sla.runtime.pool.fetch("select complaint_id, state, version from complaint order by 1") == before


async def test_a_dry_run_whose_process_ended_is_interrupted_and_can_be_repeated(sla: SlaClient) -> None:
    draft = await sla.draft(storm_rulebook())
    interrupted = {"run": "x", "status": "running", "version": 1, "base": 1, "mode": "new_only", "done": 3, "of": 9}
    interrupted["at"] = str(datetime.now(UTC) - timedelta(minutes=2))
    await sla.runtime.pool.execute(
        "update draft set dry_run = $2::jsonb where draft_id = $1::uuid", draft, json.dumps(interrupted)
    )
    result = (await sla.http.get(f"/v1/rulebook/drafts/{draft}/dry-run")).json()
    assert (result["status"], result["done"], result["of"]) == ("interrupted", 3, 9)
    refused = await sla.request(draft, "publish", {"mode": "new_only", "reason": "a storm"})
    assert (refused.status_code, "has to come first" in refused.json()["detail"]) == (409, True)
    assert (await sla.rehearse(draft, "dry-run", {"mode": "new_only"}))["report"]["complaints"] == 0


async def test_a_draft_in_conflict_with_a_newer_revision_is_refused_at_its_dry_run(sla: SlaClient) -> None:
    own, other = storm_rulebook(), storm_rulebook()
    other["calendar"][-1] = {**other["calendar"][-1], "name": "another version 2"}
    draft = await sla.draft(own)
    await sla.publish(other, "new_only")
    late = await sla.request(draft, "dry-run", {"mode": "new_only"})
    assert (late.status_code, "a change is a new version, such as 3" in late.json()["detail"]) == (422, True)
    assert (await sla.http.get(f"/v1/rulebook/drafts/{draft}/diff")).status_code == 422
    assert (await sla.http.get("/v1/rulebook")).json()["revision"] == 2
