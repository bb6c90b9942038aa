"""From a draft to a revision: only what was rehearsed exactly as it is to be published, and touches no promise."""

from typing import Any
from uuid import UUID

import asyncpg

from services.sla.policies import Mode
from services.sla.rulebook.reports import too_many
from services.sla.store import drafts
from services.sla.store.drafts import RulebookDraft
from services.sla.store.rulebooks import LOCK, RulebookRepository
from shared.errors import IllegalMove
from shared.storage.postgres import transaction

NEWEST = "select max(revision) from rulebook"


async def publish(  # one transaction, and everything that it is about
    pool: asyncpg.Pool, shelf: RulebookRepository, seen: tuple[UUID, int], mode: Mode, reason: str, actor: str
) -> int:
    """The number of the new revision; `seen` is the draft and its version. The draft is gone then.

    Raises `NotFound`, `Stale`, `IllegalMove` where no dry run allows it, and `Rejected` where it no longer fits.
    """
    async with transaction(pool) as conn:
        await conn.execute(LOCK)
        draft = await drafts.seen(conn, *seen)
        rehearsed(draft, mode, await conn.fetchval(NEWEST))
        number = await shelf.publish(conn, draft.document, mode, reason, actor)
        await drafts.delete(conn, *seen)
    async with transaction(pool) as conn:
        await shelf.refresh(conn)  # whoever reads here next sees it; other replicas read it when they decide
    return number


def rehearsed(draft: RulebookDraft, mode: Mode, current: int) -> None:
    """Raises `IllegalMove` with a sentence unless a dry run of just this, on what is current, touches no promise.

    Nor where it could not compute more than a few: who was not computed was not looked at.
    """
    told: dict[str, Any] = draft.dry_run or {}
    if told.get("status") != "done":
        raise IllegalMove(
            f"a dry run of version {draft.version} has to come first: POST …/drafts/{draft.id}:dry-run "
            f'{{"mode": "{mode}"}}'
        )
    if told["base"] != current:
        raise IllegalMove(f"revision {current} was published since the dry run; make another one")
    if told["mode"] != mode:
        raise IllegalMove(f"the dry run was for {told['mode']}; make one for {mode}")
    report = told["report"]
    if touched := report["promises_touched"]:
        raise IllegalMove(f"it would touch {touched} promises; what customers were told must stay")
    failed, computed = report["failed"], report["complaints"]
    if too_many(failed, computed):
        raise IllegalMove(
            f"{failed:,} of {failed + computed:,} open complaints could not be computed, so nobody knows what it would "
            "do to them; the dry run names some and the log says why. Mend that and make another dry run"
        )
