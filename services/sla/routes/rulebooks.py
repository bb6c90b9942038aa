"""The rulebook as published, and the way to the next one: draft, diff, dry run, back-test, publish, roll back."""

import json
from collections.abc import Callable
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, Response
from fastapi.security import HTTPBearer

from services.sla.policies.diff import changes
from services.sla.routes import rulebook_schemas
from services.sla.rulebook.coverage import unmet
from services.sla.rulebook.jobs import RehearsalJobs
from services.sla.rulebook.publish import NEWEST, publish
from services.sla.store import drafts
from services.sla.store.rulebooks import RulebookRepository
from shared.auth import Client, require_scope
from shared.errors import NotFound, Rejected
from shared.http.if_match import ExpectedVersion, format_etag
from shared.http.openapi import problem_responses
from shared.runtime import Runtime
from shared.storage.postgres import transaction

# One revision with its document, the current one without a number.
BY_NUMBER = """
    select revision, mode, reason, actor, published_at, document from rulebook
    where revision = coalesce($1, (select max(revision) from rulebook))
"""
# The newest first.
ALL = "select revision, mode, reason, actor, published_at from rulebook order by revision desc limit $1"
Number = Annotated[int, Path(ge=1, le=2**31 - 1, description="A revision.")]
DraftId = Annotated[UUID, Path(description="A draft.")]
From = Annotated[int, Query(ge=1, le=2**31 - 1, description="The revision whose contents it takes.")]
GONE, DRAFTED = problem_responses(404), problem_responses(404, 412, 428)
READER = Depends(require_scope("complaints:read"))
Writer = Annotated[Client, Depends(require_scope("sla:write"))]
BODY = {"requestBody": rulebook_schemas.BODY}
RUNS: dict[int | str, dict[str, Any]] = {
    **DRAFTED,
    **problem_responses(415),
    202: {"model": rulebook_schemas.Rehearsal, "description": "It runs; look again where Location says."},
}


def routes(runtime: Runtime, shelf: RulebookRepository, published: Callable[[], None]) -> APIRouter:
    """Reading needs complaints:read, everything else sla:write. `published` is called after a publication."""
    router = APIRouter(prefix="/rulebook", dependencies=[Depends(HTTPBearer(auto_error=False))])
    _revisions(router, runtime)
    _drafts(router, runtime, shelf)
    _copies(router, runtime, shelf)
    _rehearsals(router, runtime, shelf)
    _publication(router, runtime, shelf, published)
    return router


def _revisions(router: APIRouter, runtime: Runtime) -> None:
    @router.get("", dependencies=[READER], summary="The rulebook that counts now")
    async def current(response: Response) -> rulebook_schemas.RulebookAnswer:
        found = await _revision(runtime, None)
        response.headers["etag"] = format_etag(found.revision)
        return found

    @router.get("/revisions", dependencies=[READER], summary="Everything that was published, the newest first")
    async def listed(limit: Annotated[int, Query(ge=1, le=1000)] = 100) -> rulebook_schemas.Revisions:
        rows = await runtime.pool.fetch(ALL, limit)
        return rulebook_schemas.Revisions(revisions=[rulebook_schemas.RevisionAnswer(**row) for row in rows])

    @router.get("/revisions/{number}", dependencies=[READER], responses=GONE, summary="A revision as it was published")
    async def one(number: Number) -> rulebook_schemas.RulebookAnswer:
        return await _revision(runtime, number)


async def _revision(runtime: Runtime, number: int | None) -> rulebook_schemas.RulebookAnswer:
    row = await runtime.pool.fetchrow(BY_NUMBER, number)
    if row is None:
        raise NotFound(f"there is no revision {number}")
    return rulebook_schemas.RulebookAnswer(**dict(row) | {"document": json.loads(row["document"])})


def _drafts(router: APIRouter, runtime: Runtime, shelf: RulebookRepository) -> None:
    @router.get("/drafts", dependencies=[READER], summary="All drafts, what was changed last first")
    async def listed() -> rulebook_schemas.Drafts:
        async with transaction(runtime.pool) as conn:
            return rulebook_schemas.Drafts(
                drafts=[rulebook_schemas.DraftAnswer.of(one) for one in await drafts.listed(conn)]
            )

    @router.post(
        "/drafts",
        status_code=201,
        openapi_extra=BODY,
        responses=problem_responses(413, 415),
        summary="A new draft, checked and not yet in force",
    )
    async def create(
        client: Writer, document: rulebook_schemas.Document, response: Response
    ) -> rulebook_schemas.WholeDraft:
        return _told(await _created(runtime, shelf, document, client.name), response)

    @router.get("/drafts/{draft_id}", dependencies=[READER], responses=GONE, summary="A draft with its document")
    async def one(draft_id: DraftId, response: Response) -> rulebook_schemas.WholeDraft:
        async with transaction(runtime.pool) as conn:
            return _told(await drafts.find(conn, draft_id), response)

    @router.put(
        "/drafts/{draft_id}",
        openapi_extra=BODY,
        responses=DRAFTED | problem_responses(413, 415),
        summary="Other contents; what was rehearsed is void",
    )
    async def replace(
        client: Writer,
        draft_id: DraftId,
        version: ExpectedVersion,
        document: rulebook_schemas.Document,
        response: Response,
    ) -> rulebook_schemas.WholeDraft:
        async with transaction(runtime.pool) as conn:
            await shelf.candidate(conn, json.loads(document), "new_only", "", client.name)
            return _told(await drafts.replace(conn, draft_id, version, document, client.name), response)

    @router.delete("/drafts/{draft_id}", status_code=204, responses=DRAFTED, summary="Away with a draft")
    async def delete(client: Writer, draft_id: DraftId, version: ExpectedVersion) -> None:
        del client
        async with transaction(runtime.pool) as conn:
            await drafts.delete(conn, draft_id, version)


def _copies(router: APIRouter, runtime: Runtime, shelf: RulebookRepository) -> None:
    @router.post(
        "/drafts:copy",
        status_code=201,
        responses=GONE,
        summary="A draft with the contents of a revision: the way back",
    )
    async def copy(client: Writer, revision: From, response: Response) -> rulebook_schemas.WholeDraft:
        found = await _revision(runtime, revision)
        document = drafts.bounded(found.document)
        return _told(await _created(runtime, shelf, document, client.name), response)

    @router.get(
        "/drafts/{draft_id}/diff", dependencies=[READER], responses=GONE, summary="What it changes of what counts now"
    )
    async def diff(draft_id: DraftId) -> rulebook_schemas.Diff:
        async with transaction(runtime.pool) as conn:
            draft = await drafts.find(conn, draft_id)
            before = await shelf.current(conn, await conn.fetchval(NEWEST))
            after = await shelf.candidate(conn, draft.document, "new_only", "", draft.actor)
        found = changes(before, after)
        sentences = [sentence for one in found for sentence in one.sentences]
        return rulebook_schemas.Diff(
            base=before.current.number,
            changes=[rulebook_schemas.ChangeAnswer.of(one) for one in found],
            sentences=sentences + await unmet(runtime.pool, before, after),
        )


async def _created(runtime: Runtime, shelf: RulebookRepository, document: str, actor: str) -> drafts.RulebookDraft:
    async with transaction(runtime.pool) as conn:
        await shelf.candidate(conn, json.loads(document), "new_only", "", actor)
        return await drafts.create(conn, document, actor)


def _told(draft: drafts.RulebookDraft, response: Response) -> rulebook_schemas.WholeDraft:
    response.headers["etag"] = format_etag(draft.version)
    response.headers["location"] = f"/v1/rulebook/drafts/{draft.id}"
    return rulebook_schemas.WholeDraft.of(draft)


def _rehearsals(router: APIRouter, runtime: Runtime, shelf: RulebookRepository) -> None:
    desk = RehearsalJobs(runtime, shelf)

    async def told(draft_id: UUID, what: drafts.Rehearsed, response: Response) -> rulebook_schemas.Rehearsal:
        found = await _rehearsed(runtime, shelf, draft_id, what)
        if response.status_code == 202 and found.status != "running":
            response.status_code = 200
        response.headers["location"] = f"/v1/rulebook/drafts/{draft_id}/{what.replace('_', '-')}"
        return found

    @router.post("/drafts/{draft_id}:dry-run", status_code=202, responses=RUNS, summary="What publishing would move")
    async def dry_run(
        client: Writer, draft_id: DraftId, version: ExpectedVersion, form: rulebook_schemas.ModeForm, response: Response
    ) -> rulebook_schemas.Rehearsal:
        await desk.dry_run(draft_id, version, form.mode, client.name)
        response.status_code = 202
        return await told(draft_id, "dry_run", response)

    @router.post("/drafts/{draft_id}:back-test", status_code=202, responses=RUNS, summary="What would have happened")
    async def back_test(
        client: Writer, draft_id: DraftId, version: ExpectedVersion, form: rulebook_schemas.DaysForm, response: Response
    ) -> rulebook_schemas.Rehearsal:
        del client
        await desk.back_test(draft_id, version, form.days)
        response.status_code = 202
        return await told(draft_id, "back_test", response)

    @router.get(
        "/drafts/{draft_id}/dry-run",
        dependencies=[READER],
        responses=GONE,
        summary="The last dry run: how far, or its report",
    )
    async def last_dry_run(draft_id: DraftId, response: Response) -> rulebook_schemas.Rehearsal:
        return await told(draft_id, "dry_run", response)

    @router.get(
        "/drafts/{draft_id}/back-test",
        dependencies=[READER],
        responses=GONE,
        summary="The last back-test, the same way",
    )
    async def last_back_test(draft_id: DraftId, response: Response) -> rulebook_schemas.Rehearsal:
        return await told(draft_id, "back_test", response)


async def _rehearsed(
    runtime: Runtime, shelf: RulebookRepository, draft_id: UUID, what: drafts.Rehearsed
) -> rulebook_schemas.Rehearsal:
    async with transaction(runtime.pool) as conn:
        draft = await drafts.find(conn, draft_id)
    found = draft.dry_run if what == "dry_run" else draft.back_test
    if found is None:
        raise NotFound("there was none yet of this version of the draft")
    if what == "dry_run" and found["status"] == "done":
        found["sentences"] = [*await _unmet(runtime, shelf, draft), *found["sentences"]]
    return rulebook_schemas.Rehearsal(**found)


async def _unmet(runtime: Runtime, shelf: RulebookRepository, draft: drafts.RulebookDraft) -> list[str]:
    """What nobody would come under; nothing where the draft fits no more, which publishing it will say."""
    async with transaction(runtime.pool) as conn:
        before = await shelf.current(conn, await conn.fetchval(NEWEST))
        try:
            after = await shelf.candidate(conn, draft.document, "new_only", "", draft.actor)
        except Rejected:
            return []
    return await unmet(runtime.pool, before, after)


def _publication(router: APIRouter, runtime: Runtime, shelf: RulebookRepository, published: Callable[[], None]) -> None:
    @router.post(
        "/drafts/{draft_id}:publish",
        responses=DRAFTED | problem_responses(409, 415),
        summary="Put it in force, if a dry run of just this touches no promise",
    )
    async def publication(
        client: Writer, draft_id: DraftId, version: ExpectedVersion, form: rulebook_schemas.PublishForm
    ) -> rulebook_schemas.Published:
        number = await publish(runtime.pool, shelf, (draft_id, version), form.mode, form.reason, client.name)
        published()
        return rulebook_schemas.Published(revision=number)
