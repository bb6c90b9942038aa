"""Publish a draft as the next revision, if a dry run of exactly this draft changes no promise."""

from typing import Any
from uuid import UUID

import asyncpg

from services.sla.policies import Mode
from services.sla.rulebook.reports import has_too_many_failures
from services.sla.store import drafts
from services.sla.store.drafts import RulebookDraft
from services.sla.store.revisions import lock_revisions, newest_revision
from services.sla.store.rulebooks import RulebookRepository
from shared.errors import IllegalMove
from shared.storage.postgres import transaction


async def publish_draft(  # one transaction, and its parameters
    pool: asyncpg.Pool, rulebooks: RulebookRepository, key: tuple[UUID, int], mode: Mode, reason: str, actor: str
) -> int:
    """Publish a draft and delete it; return the number of the new revision. `key`: id and version of the draft.

    Raises `NotFound`, `PreconditionFailed`, `IllegalMove` if no dry run allows it, and `Rejected` if the draft does not
    fit the published rulebook any more.
    """
    async with transaction(pool) as conn:
        await lock_revisions(conn)
        draft = await drafts.lock_draft(conn, *key)
        check_dry_run(draft, mode, await newest_revision(conn))
        number = await rulebooks.publish(conn, draft.document, mode, reason, actor)
        await drafts.delete_draft(conn, *key)
    async with transaction(pool) as conn:
        await rulebooks.refresh(conn)  # for requests to this process; other replicas refresh when they next decide
    return number


def check_dry_run(draft: RulebookDraft, mode: Mode, newest: int | None) -> None:
    """Raise `IllegalMove` unless the draft's dry run is complete, for this mode and revision, and changes no promise.

    A dry run that could not compute more than a few complaints does not count, because its figures leave them out.
    """
    result: dict[str, Any] = draft.dry_run or {}
    if result.get("status") != "done":
        raise IllegalMove(
            f"a dry run of version {draft.version} has to come first: POST …/drafts/{draft.id}:dry-run "
            f'{{"mode": "{mode}"}}'
        )
    if result["base"] != newest:
        raise IllegalMove(f"revision {newest} was published since the dry run; make another one")
    if result["mode"] != mode:
        raise IllegalMove(f"the dry run was for {result['mode']}; make one for {mode}")
    report = result["report"]
    if touched := report["promises_touched"]:
        raise IllegalMove(f"it would touch {touched} promises; a date that a customer was told must not change")
    failed, computed = report["failed"], report["complaints"]
    if has_too_many_failures(failed, computed):
        raise IllegalMove(
            f"{failed:,} of {failed + computed:,} open complaints could not be computed, so the effect on them is not "
            "known; the dry run names some and the log has the cause. Fix it and make another dry run"
        )
