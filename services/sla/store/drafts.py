"""Drafts of rulebooks on PostgreSQL: written, replaced, rehearsed; nothing of them counts before it is published.

A change needs the version that its author saw. What was rehearsed goes with the contents: a replaced draft has neither
dry run nor back-test.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, NamedTuple
from uuid import UUID

import asyncpg
from uuid_utils.compat import uuid7

from services.sla.policies.loader import canonical_json
from services.sla.policies.sections import check_section_sizes
from shared.errors import NotFound, PreconditionFailed, Rejected
from shared.text import LINE_PATTERN, PATTERNS, is_line, is_prose

Rehearsed = Literal["dry_run", "back_test"]
DOCUMENT_MAX = 1_000_000  # bytes of one; the rulebook that ships with us and all packs together have 100,000
DRAFTS_MAX = 200  # a forgotten one costs little, but nobody reads more

INTERRUPTED = "interval '1 minute'"  # a rehearsal that was silent for so long died with its process

# A rehearsal notes how far it is every second; what is not heard of any more is told as interrupted.
_TOLD = {
    name: f"""case when {name}->>'status' = 'running' and ({name}->>'at')::timestamptz < now() - {INTERRUPTED}
              then {name} || '{{"status": "interrupted"}}' else {name} end"""
    for name in ("dry_run", "back_test")
}
FIELDS = f"draft_id, version, document, actor, changed_at, {_TOLD['dry_run']}, {_TOLD['back_test']}"
CREATE = f"""
    insert into draft (draft_id, document, actor)
    select $1, $2, $3 where (select count(*) from draft) < $4
    returning {FIELDS}
"""  # noqa: S608 (our own column names)
FIND = f"select {FIELDS} from draft where draft_id = $1"  # noqa: S608 (as above)
# All of them, what was changed last first.
LIST = f"select {FIELDS} from draft order by changed_at desc, draft_id"  # noqa: S608 (as above)
REPLACE = f"""
    update draft set document = $3, actor = $4, version = version + 1, changed_at = now(),
                     dry_run = null, back_test = null
    where draft_id = $1 and version = $2
    returning {FIELDS}
"""  # noqa: S608 (as above)
DELETE = "delete from draft where draft_id = $1 and version = $2"
# A rehearsal of that version begins.
BEGIN = {
    name: f"update draft set {name} = $3::jsonb || jsonb_build_object('at', now()) "  # noqa: S608 (as above)
    "where draft_id = $1 and version = $2 returning 1"
    for name in _TOLD
}
# What it has to say, as long as nobody replaced the draft or began another one.
NOTE = {name: query.replace("returning", f"and {name}->>'run' = $4 returning") for name, query in BEGIN.items()}


class RulebookDraft(NamedTuple):
    """One draft. `dry_run` and `back_test` are the last ones, with what they were made for."""

    id: UUID
    version: int
    document: dict[str, Any]
    actor: str
    changed_at: datetime
    dry_run: dict[str, Any] | None
    back_test: dict[str, Any] | None


def bounded(data: Any) -> str:
    """One text of a document, ready to be stored. Raises `Rejected` for what is no rulebook, or too much of one."""
    check_section_sizes(data)
    _clean(data)
    text = canonical_json(data)
    if any("\ud800" <= letter <= "\udfff" for letter in text):
        raise Rejected("expected text without halves of characters")
    if len(text.encode()) > DOCUMENT_MAX:
        raise Rejected(f"expected at most {DOCUMENT_MAX:,} bytes")
    return text


def _clean(data: Any) -> None:
    """Raises `Rejected` for a text that PostgreSQL would refuse, or that would forge lines wherever it is shown."""
    for where, words, is_name in _texts(data):
        if not (is_prose if where.endswith("notes") and not is_name else is_line)(words):
            raise Rejected(f"{where}: expected {PATTERNS[LINE_PATTERN]}; only notes may have several lines")


def _texts(value: Any, where: str = "") -> Iterator[tuple[str, str, bool]]:
    """Every text of a document and every name of a field, with the way there."""
    if isinstance(value, str):
        yield where, value, False
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            yield where or "section", name, True
            yield from _texts(inner, f"{where}.{name}" if where else name)
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            yield from _texts(inner, f"{where}.{place}")


async def create(conn: asyncpg.Connection, document: str, actor: str) -> RulebookDraft:
    """A new draft. Raises `Rejected` when there are too many already."""
    row = await conn.fetchrow(CREATE, uuid7(), document, actor, DRAFTS_MAX)
    if row is None:
        raise Rejected(f"there are {DRAFTS_MAX} drafts already; delete one that nobody needs")
    return _draft(row)


async def find(conn: asyncpg.Connection, draft: UUID, *, lock: bool = False) -> RulebookDraft:
    """That draft. Raises `NotFound`."""
    row = await conn.fetchrow(f"{FIND} for update" if lock else FIND, draft)
    if row is None:
        raise NotFound("there is no such draft; it may have been published or deleted")
    return _draft(row)


async def seen(conn: asyncpg.Connection, draft: UUID, version: int) -> RulebookDraft:
    """That draft, locked, if it is as its author saw it. Raises `NotFound` or `PreconditionFailed`."""
    found = await find(conn, draft, lock=True)
    if found.version != version:
        raise PreconditionFailed(f"the draft has version {found.version} by now; read it again")
    return found


async def listed(conn: asyncpg.Connection) -> Sequence[RulebookDraft]:
    """All drafts, what was changed last first."""
    return [_draft(row) for row in await conn.fetch(LIST)]


async def replace(conn: asyncpg.Connection, draft: UUID, version: int, document: str, actor: str) -> RulebookDraft:
    """Other contents, as the next version. Raises `NotFound` or `PreconditionFailed`."""
    await seen(conn, draft, version)
    row = await conn.fetchrow(REPLACE, draft, version, document, actor)
    assert row is not None  # noqa: S101  # we hold its lock
    return _draft(row)


async def delete(conn: asyncpg.Connection, draft: UUID, version: int) -> None:
    """Away with it. Raises `NotFound` or `PreconditionFailed`."""
    await seen(conn, draft, version)
    await conn.execute(DELETE, draft, version)


async def begin(conn: asyncpg.Connection, draft: RulebookDraft, what: Rehearsed, note: dict[str, Any]) -> None:
    """Begin a rehearsal of this version; the result of one already running is dropped. Raises `PreconditionFailed`."""
    if not await conn.fetchval(BEGIN[what], draft.id, draft.version, json.dumps(note)):
        raise PreconditionFailed("the draft was changed meanwhile; read it again")


async def note(conn: asyncpg.Connection, draft: RulebookDraft, what: Rehearsed, told: dict[str, Any]) -> bool:
    """How far the rehearsal is, or what it found. False: nobody waits for it any more."""
    return bool(await conn.fetchval(NOTE[what], draft.id, draft.version, json.dumps(told), told["run"]))


def _draft(row: asyncpg.Record) -> RulebookDraft:
    dry_run, back_test = (json.loads(one) if one else None for one in (row[5], row[6]))
    return RulebookDraft(row[0], row[1], json.loads(row[2]), row[3], row[4], dry_run, back_test)
