"""What the doors of rulebooks take and answer: revisions, drafts, and what was found about them."""

import json
from collections.abc import Sequence
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import Depends, HTTPException, Request
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from services.sla.policies import Mode
from services.sla.policies.diff import RulebookChange, Section
from services.sla.rulebook.reports import BackTest, DryRun
from services.sla.store import drafts
from services.sla.store.drafts import DOCUMENT_MAX, RulebookDraft
from shared.contracts.envelope import FrozenModel
from shared.errors import Rejected
from shared.text import LINE_PATTERN

MODE_SAYS = (
    "new_only: new complaints alone. rebase_open: what is open is counted again from its beginning. rebase_remaining: "
    "what is open gets what would be left of the new goal."
)
SECTION = '{"policy": [{"id": "everyday", "version": 2, …}]}'
BODY = {
    "description": "Sections `calendar`, `policy` and `pack`, each a list, as in a rulebook file.",
    "required": True,
    "content": {"application/json": {"schema": {"type": "object"}}},
}


class ModeForm(BaseModel):
    """How it is to be published."""

    model_config = ConfigDict(extra="forbid", strict=True)

    mode: Mode = Field(description=MODE_SAYS, examples=["new_only"])


class PublishForm(ModeForm):
    """How, and why; the reason is told with every date that moves."""

    reason: Annotated[str, StringConstraints(strip_whitespace=True, pattern=LINE_PATTERN)] = Field(
        min_length=3, max_length=500, examples=["the holidays of next year"]
    )


class DaysForm(BaseModel):
    """How far back."""

    model_config = ConfigDict(extra="forbid", strict=True)

    days: int = Field(
        ge=1, le=3660, description="Complaints received in the last so many days, open or closed.", examples=[30]
    )


class RevisionAnswer(FrozenModel):
    """What was published, when, how and why."""

    revision: int
    mode: Mode
    reason: str
    actor: str
    published_at: AwareDatetime


class RulebookAnswer(RevisionAnswer):
    """A revision with its whole document."""

    document: dict[str, Any]


class Revisions(FrozenModel):
    """The newest first."""

    revisions: Sequence[RevisionAnswer]


class Published(FrozenModel):
    """The number of the new revision. Open complaints are moved in the background, unless it is for new ones only."""

    revision: int


class ChangeAnswer(FrozenModel):
    """What happens to one calendar, policy or pack."""

    what: Section
    how: str
    id: str
    old_version: int | None
    new_version: int | None
    fields: Sequence[dict[str, Any]]
    sentences: Sequence[str]

    @classmethod
    def of(cls, one: RulebookChange) -> "ChangeAnswer":
        """As it is told."""
        return cls(**one._asdict() | {"fields": [field._asdict() for field in one.fields]})


class Diff(FrozenModel):
    """What the draft changes of the current revision; nothing where both lists are empty."""

    base: int = Field(description="The revision that it is compared with.")
    changes: Sequence[ChangeAnswer]
    sentences: Sequence[str]


class Rehearsal(FrozenModel):
    """A rehearsal that runs, or what it found; it speaks of that version of the draft and that revision alone."""

    status: Literal["running", "done", "failed", "interrupted"]
    version: int
    base: int
    mode: Mode | None = None
    days: int | None = None
    done: int = Field(description="Complaints looked at so far.")
    of: int | None = Field(description="Complaints to look at, once that is known.")
    at: AwareDatetime
    reason: str | None = None
    sentences: Sequence[str] = ()
    report: DryRun | BackTest | None = None


class DraftAnswer(FrozenModel):
    """A draft without its document. `version` goes into If-Match."""

    draft_id: UUID
    version: int
    actor: str
    changed_at: AwareDatetime
    dry_run: str | None = Field(description="running, done, failed or interrupted; absent before the first.")
    back_test: str | None

    @classmethod
    def of(cls, one: RulebookDraft) -> "DraftAnswer":
        """As it is listed."""
        dry_run, back_test = ((found or {}).get("status") for found in (one.dry_run, one.back_test))
        return cls(**_head(one), dry_run=dry_run, back_test=back_test)


class WholeDraft(DraftAnswer):
    """A draft with its document."""

    document: dict[str, Any]

    @classmethod
    def of(cls, one: RulebookDraft) -> "WholeDraft":
        """As it was written."""
        return cls(**dict(DraftAnswer.of(one)), document=one.document)


class Drafts(FrozenModel):
    """What was changed last first."""

    drafts: Sequence[DraftAnswer]


def _head(one: RulebookDraft) -> dict[str, Any]:
    return {"draft_id": one.id, "version": one.version, "actor": one.actor, "changed_at": one.changed_at}


async def document(request: Request) -> str:
    """The document in the body, checked for size and form; what it says is checked against the rulebook later."""
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media != "application/json":
        raise HTTPException(415, "Content-Type: expected application/json; `redress sla draft` converts TOML")
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > DOCUMENT_MAX:
            raise HTTPException(413, f"expected at most {DOCUMENT_MAX:,} bytes", {"connection": "close"})
    try:
        return drafts.bounded(json.loads(body))
    except (ValueError, RecursionError) as error:
        place = f" that can be read beyond line {error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
        raise Rejected(f"body: expected JSON in UTF-8{place}, with sections such as {SECTION}") from None


Document = Annotated[str, Depends(document)]
