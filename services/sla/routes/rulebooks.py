"""Rulebook endpoints: published revisions, and the way to the next one: draft, diff, dry run, back-test, publish."""

import json
from collections.abc import Callable
from typing import Annotated, Any
from uuid import UUID

import asyncpg
from fastapi import APIRouter, Depends, Path, Query, Response
from fastapi.security import HTTPBearer

from services.sla.policies import Rulebook
from services.sla.policies.diff import compare_rulebooks
from services.sla.routes import rulebook_schemas as schemas
from services.sla.rulebook.coverage import coverage_warnings
from services.sla.rulebook.document import document_text
from services.sla.rulebook.jobs import RehearsalJobs
from services.sla.rulebook.publish import publish_draft
from services.sla.store import drafts
from services.sla.store.drafts import RehearsalKind, RulebookDraft
from services.sla.store.revisions import newest_revision, select_revision, select_revisions
from services.sla.store.rulebooks import RulebookRepository
from shared.auth import Client, require_scope
from shared.errors import NotFound, Rejected
from shared.http.if_match import ExpectedVersion, format_etag
from shared.http.openapi import problem_responses
from shared.runtime import Runtime
from shared.storage.postgres import transaction

Number = Annotated[int, Path(ge=1, le=2**31 - 1, description="Number of the revision.")]
DraftId = Annotated[UUID, Path(description="The draft's id.")]
From = Annotated[int, Query(ge=1, le=2**31 - 1, description="Revision to copy.")]
MISSING, CHANGES = problem_responses(404), problem_responses(404, 412, 428)
READER = Depends(require_scope("complaints:read"))
READ: dict[str, Any] = {"dependencies": [READER], "responses": MISSING}
Writer = Annotated[Client, Depends(require_scope("sla:write"))]
BODY = {"requestBody": schemas.BODY}
RUNS: dict[int | str, dict[str, Any]] = {
    **CHANGES,
    **problem_responses(415),
    202: {"model": schemas.Rehearsal, "description": "It is running; Location has its progress and result."},
}


def routes(runtime: Runtime, repository: RulebookRepository, published: Callable[[], None]) -> APIRouter:
    """Return the endpoints. Reading needs complaints:read, the rest sla:write. `published`: called after publishing."""
    router = APIRouter(prefix="/rulebook", dependencies=[Depends(HTTPBearer(auto_error=False))])
    _add_revisions(router, runtime)
    _add_drafts(router, runtime, repository)
    _add_diff(router, runtime, repository)
    _add_rehearsals(router, runtime, repository)
    _add_publication(router, runtime, repository, published)
    return router


def _add_revisions(router: APIRouter, runtime: Runtime) -> None:
    @router.get("", dependencies=[READER], summary="The rulebook in force")
    async def current(response: Response) -> schemas.RulebookAnswer:
        revision = await _revision(runtime, None)
        response.headers["etag"] = format_etag(revision.revision)
        return revision

    @router.get("/revisions", dependencies=[READER], summary="Published revisions, the newest first")
    async def revisions(limit: Annotated[int, Query(ge=1, le=1000)] = 100) -> schemas.Revisions:
        rows = await select_revisions(runtime.pool, limit)
        return schemas.Revisions(revisions=[schemas.RevisionAnswer(**row) for row in rows])

    @router.get("/revisions/{number}", **READ, summary="A revision with its document")
    async def revision(number: Number) -> schemas.RulebookAnswer:
        return await _revision(runtime, number)


async def _revision(runtime: Runtime, number: int | None) -> schemas.RulebookAnswer:
    revision = await select_revision(runtime.pool, number)
    if revision is None:
        raise NotFound(f"there is no revision {number}")
    return schemas.RulebookAnswer(**revision)


def _add_drafts(router: APIRouter, runtime: Runtime, repository: RulebookRepository) -> None:
    @router.get("/drafts", dependencies=[READER], summary="All drafts, the last changed first")
    async def listing() -> schemas.Drafts:
        listed = await drafts.select_drafts(runtime.pool)
        return schemas.Drafts(drafts=[schemas.DraftAnswer.of(draft) for draft in listed])

    async def insert(document: str, actor: str, response: Response) -> schemas.WholeDraft:
        async with transaction(runtime.pool) as conn:
            await repository.candidate(conn, json.loads(document), "new_only", "", actor)
            return _answer(await drafts.insert_draft(conn, document, actor), response)

    @router.post(
        "/drafts",
        status_code=201,
        openapi_extra=BODY,
        responses=problem_responses(413, 415),
        summary="Create a draft; it is checked and not in force",
    )
    async def create(client: Writer, document: schemas.Document, response: Response) -> schemas.WholeDraft:
        return await insert(document, client.name, response)

    @router.post("/drafts:copy", status_code=201, responses=MISSING, summary="Create a draft from a revision")
    async def copy(client: Writer, revision: From, response: Response) -> schemas.WholeDraft:
        source = await _revision(runtime, revision)
        return await insert(document_text(source.document), client.name, response)

    @router.get("/drafts/{draft_id}", **READ, summary="A draft with its document")
    async def draft(draft_id: DraftId, response: Response) -> schemas.WholeDraft:
        return _answer(await drafts.select_draft(runtime.pool, draft_id), response)

    @router.put(
        "/drafts/{draft_id}",
        openapi_extra=BODY,
        responses=CHANGES | problem_responses(413, 415),
        summary="Replace the document; dry run and back-test are dropped",
    )
    async def replace(
        client: Writer, draft_id: DraftId, version: ExpectedVersion, document: schemas.Document, response: Response
    ) -> schemas.WholeDraft:
        async with transaction(runtime.pool) as conn:
            await repository.candidate(conn, json.loads(document), "new_only", "", client.name)
            return _answer(await drafts.replace_draft(conn, draft_id, version, document, client.name), response)

    @router.delete("/drafts/{draft_id}", status_code=204, responses=CHANGES, summary="Delete a draft")
    async def delete(client: Writer, draft_id: DraftId, version: ExpectedVersion) -> None:
        del client
        async with transaction(runtime.pool) as conn:
            await drafts.delete_draft(conn, draft_id, version)


def _answer(draft: RulebookDraft, response: Response) -> schemas.WholeDraft:
    response.headers["etag"] = format_etag(draft.version)
    response.headers["location"] = f"/v1/rulebook/drafts/{draft.id}"
    return schemas.WholeDraft.of(draft)


def _add_diff(router: APIRouter, runtime: Runtime, repository: RulebookRepository) -> None:
    @router.get("/drafts/{draft_id}/diff", **READ, summary="Changes against the current revision")
    async def diff(draft_id: DraftId) -> schemas.Diff:
        async with transaction(runtime.pool) as conn:
            draft = await drafts.select_draft(conn, draft_id)
            before, after = await _before_and_after(conn, repository, draft)
        listed = compare_rulebooks(before, after)
        sentences = [sentence for change in listed for sentence in change.sentences]
        return schemas.Diff(
            base=before.current.number,
            changes=[schemas.ChangeAnswer.of(change) for change in listed],
            sentences=sentences + await coverage_warnings(runtime.pool, before, after),
        )


async def _before_and_after(
    conn: asyncpg.Connection, repository: RulebookRepository, draft: RulebookDraft
) -> tuple[Rulebook, Rulebook]:
    """Return the rulebook in force, and as it would be with the draft. Raises `Rejected`."""
    before = await repository.current(conn, await newest_revision(conn))
    return before, await repository.candidate(conn, draft.document, "new_only", "", draft.actor)


def _add_rehearsals(router: APIRouter, runtime: Runtime, repository: RulebookRepository) -> None:
    jobs = RehearsalJobs(runtime, repository)

    async def answer(draft_id: UUID, kind: RehearsalKind, response: Response) -> schemas.Rehearsal:
        rehearsal = await _rehearsal(runtime, repository, draft_id, kind)
        if rehearsal.status != "running":
            response.status_code = 200  # otherwise a start is answered with 202
        response.headers["location"] = f"/v1/rulebook/drafts/{draft_id}/{kind.replace('_', '-')}"
        return rehearsal

    @router.post("/drafts/{draft_id}:dry-run", status_code=202, responses=RUNS, summary="Start a dry run")
    async def start_dry_run(
        client: Writer, draft_id: DraftId, version: ExpectedVersion, form: schemas.ModeForm, response: Response
    ) -> schemas.Rehearsal:
        await jobs.start_dry_run(draft_id, version, form.mode, client.name)
        return await answer(draft_id, "dry_run", response)

    @router.post("/drafts/{draft_id}:back-test", status_code=202, responses=RUNS, summary="Start a back-test")
    async def start_back_test(
        client: Writer, draft_id: DraftId, version: ExpectedVersion, form: schemas.DaysForm, response: Response
    ) -> schemas.Rehearsal:
        del client
        await jobs.start_back_test(draft_id, version, form.days)
        return await answer(draft_id, "back_test", response)

    @router.get("/drafts/{draft_id}/dry-run", **READ, summary="Progress or report of the last dry run")
    async def dry_run(draft_id: DraftId, response: Response) -> schemas.Rehearsal:
        return await answer(draft_id, "dry_run", response)

    @router.get("/drafts/{draft_id}/back-test", **READ, summary="Progress or report of the last back-test")
    async def back_test(draft_id: DraftId, response: Response) -> schemas.Rehearsal:
        return await answer(draft_id, "back_test", response)


async def _rehearsal(
    runtime: Runtime, repository: RulebookRepository, draft_id: UUID, kind: RehearsalKind
) -> schemas.Rehearsal:
    draft = await drafts.select_draft(runtime.pool, draft_id)
    result = draft.dry_run if kind == "dry_run" else draft.back_test
    if result is None:
        raise NotFound("there is no such rehearsal of this version of the draft yet")
    if kind == "dry_run" and result["status"] == "done":
        result["sentences"] = [*await _coverage_warnings(runtime, repository, draft), *result["sentences"]]
    return schemas.Rehearsal(**result)


async def _coverage_warnings(runtime: Runtime, repository: RulebookRepository, draft: RulebookDraft) -> list[str]:
    """Return the warnings; none if the draft does not fit the rulebook any more, which its publication will report."""
    async with transaction(runtime.pool) as conn:
        try:
            before, after = await _before_and_after(conn, repository, draft)
        except Rejected:
            return []
    return await coverage_warnings(runtime.pool, before, after)


def _add_publication(
    router: APIRouter, runtime: Runtime, repository: RulebookRepository, published: Callable[[], None]
) -> None:
    @router.post(
        "/drafts/{draft_id}:publish",
        responses=CHANGES | problem_responses(409, 415),
        summary="Put a draft in force, if its dry run changes no promise",
    )
    async def publish(
        client: Writer, draft_id: DraftId, version: ExpectedVersion, form: schemas.PublishForm
    ) -> schemas.Published:
        key = (draft_id, version)
        number = await publish_draft(runtime.pool, repository, key, form.mode, form.reason, client.name)
        published()
        return schemas.Published(revision=number)
