"""Request and response models of the rulebook endpoints: revisions, drafts and rehearsals."""

import json
from collections.abc import Sequence
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from fastapi import Depends, HTTPException, Request
from pydantic import AwareDatetime, Field, StringConstraints

from services.sla.calendar.document import Section
from services.sla.policies import Mode
from services.sla.policies.diff import RulebookChange
from services.sla.routes.schemas import StrictForm
from services.sla.rulebook.document import DOCUMENT_MAX, document_text
from services.sla.rulebook.reports import BackTest, DryRun
from services.sla.store.drafts import RulebookDraft
from shared.contracts.envelope import FrozenModel
from shared.errors import Rejected
from shared.text import LINE_PATTERN

MODE_DESCRIPTION = (
    "new_only: for new complaints only. rebase_open: open clocks are computed again from their start. "
    "rebase_remaining: open clocks go on, and the time they have used counts against the new goal."
)
SECTION = '{"policy": [{"id": "everyday", "version": 2, …}]}'
BODY = {
    "description": "Sections `calendar`, `policy` and `pack`, each a list, as in a rulebook file.",
    "required": True,
    "content": {"application/json": {"schema": {"type": "object"}}},
}


class ModeForm(StrictForm):
    """Publication mode of a draft."""

    mode: Mode = Field(description=MODE_DESCRIPTION, examples=["new_only"])


class PublishForm(ModeForm):
    """Publication mode and reason; the reason is published with every due time that moves."""

    reason: Annotated[str, StringConstraints(strip_whitespace=True, pattern=LINE_PATTERN)] = Field(
        min_length=3, max_length=500, examples=["the holidays of next year"]
    )


class DaysForm(StrictForm):
    """Length of a back-test."""

    days: int = Field(
        ge=1, le=3660, description="Use complaints received in the last `days` days, open or closed.", examples=[30]
    )


class RevisionAnswer(FrozenModel):
    """Published revision without its document."""

    revision: int
    mode: Mode
    reason: str
    actor: str
    published_at: AwareDatetime


class RulebookAnswer(RevisionAnswer):
    """Published revision with its document."""

    document: dict[str, Any]


class Revisions(FrozenModel):
    """Published revisions, the newest first."""

    revisions: Sequence[RevisionAnswer]


class Published(FrozenModel):
    """Number of the new revision. Unless it is for new complaints only, open ones are recomputed in the background."""

    revision: int


class ChangeAnswer(FrozenModel):
    """Change of one calendar, policy or pack."""

    what: Section
    how: str
    id: str
    old_version: int | None
    new_version: int | None
    fields: Sequence[dict[str, Any]]
    sentences: Sequence[str]

    @classmethod
    def of(cls, change: RulebookChange) -> "ChangeAnswer":
        """Return the answer for a change."""
        return cls(**change._asdict() | {"fields": [field._asdict() for field in change.fields]})


class Diff(FrozenModel):
    """Changes of a draft against the current revision; both lists are empty if there are none."""

    base: int = Field(description="Revision that the draft is compared with.")
    changes: Sequence[ChangeAnswer]
    sentences: Sequence[str]


class Rehearsal(FrozenModel):
    """Dry run or back-test: its progress or its result, for this version of the draft and this base revision."""

    status: Literal["running", "done", "failed", "interrupted"]
    version: int
    base: int
    mode: Mode | None = None
    days: int | None = None
    done: int = Field(description="Complaints computed so far.")
    of: int | None = Field(description="Complaints to compute, once they are counted.")
    at: AwareDatetime
    reason: str | None = None
    sentences: Sequence[str] = ()
    report: DryRun | BackTest | None = None


class DraftAnswer(FrozenModel):
    """Draft without its document. `version` goes into If-Match."""

    draft_id: UUID
    version: int
    actor: str
    changed_at: AwareDatetime
    dry_run: str | None = Field(description="running, done, failed or interrupted; absent before the first.")
    back_test: str | None

    @classmethod
    def of(cls, draft: RulebookDraft) -> Self:
        """Return the answer for a draft."""
        dry_run, back_test = ((result or {}).get("status") for result in (draft.dry_run, draft.back_test))
        fields = draft._asdict() | {"draft_id": draft.id, "dry_run": dry_run, "back_test": back_test}
        return cls(**fields)


class WholeDraft(DraftAnswer):
    """Draft with its document."""

    document: dict[str, Any]


class Drafts(FrozenModel):
    """Drafts, the last changed first."""

    drafts: Sequence[DraftAnswer]


async def document(request: Request) -> str:
    """Return the document in the body as canonical JSON, checked for size and form; its contents are checked later."""
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media != "application/json":
        raise HTTPException(415, "Content-Type: expected application/json; `redress sla draft` converts TOML")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > DOCUMENT_MAX:
            raise HTTPException(413, f"expected at most {DOCUMENT_MAX:,} bytes", {"connection": "close"})
    try:
        return document_text(json.loads(body))
    except (ValueError, RecursionError) as error:
        place = f" that can be read beyond line {error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
        raise Rejected(f"body: expected JSON in UTF-8{place}, with sections such as {SECTION}") from None


Document = Annotated[str, Depends(document)]
