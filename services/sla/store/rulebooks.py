"""The rulebook as published: every revision from the database, compiled once, fresh in each transaction that decides.

What a file says is published at the start when it says something else than the last start read from it, unless people
have published since: what they publish comes through drafts. Any process that decides under a revision has read it in
the same transaction, so two replicas never disagree.
"""

import json
import logging
from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

import asyncpg

from services.sla.policies import Document, Mode, Rulebook, build_rulebook
from services.sla.policies.golden import check_golden_dates, require_golden_dates
from services.sla.policies.loader import canonical_json
from shared.errors import Misconfigured, Rejected
from shared.storage.postgres import transaction

log = logging.getLogger(__name__)
# All that was published, the oldest first.
ALL = "select revision, document, mode, reason, actor, published_at from rulebook order by revision"
NEWEST = "select max(revision) from rulebook"
# Nobody else publishes until this transaction ends.
LOCK = "lock table rulebook in share row exclusive mode"
# What the last start read from its file.
FROM_FILE = "select document from rulebook where actor = $1 order by revision desc limit 1"
# What counts now, with who published it.
CURRENT = "select document, actor from rulebook order by revision desc limit 1"
PUBLISH = """
    insert into rulebook (revision, document, mode, reason, actor)
    values ((select coalesce(max(revision), 0) + 1 from rulebook), $1, $2, $3, $4)
    returning revision
"""
FILE = "rulebook file"  # the actor of what was read from it


class RulebookRepository:
    """Holds the rulebook of this process. `today` is the day around which calendars are compiled.

    `file_wins`: a file that was changed is published at the start over what people have published since.
    """

    def __init__(self, data: dict[str, Any], today: Callable[[], date], *, file_wins: bool = False) -> None:
        """Raises `Misconfigured` for a file that could leave a complaint without a date."""
        self._today = today
        self._data = data
        self._file_wins = file_wins
        try:
            self.rulebook = build_rulebook([Document(data, actor=FILE)], around=today())
        except Rejected as error:
            raise Misconfigured(f"policies: {error.detail}") from None
        require_golden_dates(self.rulebook)
        check_golden_dates(self.rulebook)
        self._revision = 0  # nothing read yet

    async def settle(self, conn: asyncpg.Connection) -> None:
        """Publish what the file says, if it says something new, read everything, and check every golden date in it.

        Raises `Misconfigured` where the file changes what was published under the same version, and where a golden date
        of a pack, however it came in force, comes out otherwise.
        """
        await conn.execute(LOCK)
        document = canonical_json(self._data)
        if await conn.fetchval(FROM_FILE, FILE) != document and await self._may_publish(conn, document):
            try:
                build_rulebook([*await self._documents(conn), Document(self._data, number=10**9)], around=self._today())
            except Rejected as error:
                raise Misconfigured(f"policies: {error.detail}") from None
            await conn.fetchval(PUBLISH, document, "new_only", "read at the start", FILE)
        await self.refresh(conn)
        check_golden_dates(self.rulebook)

    async def _may_publish(self, conn: asyncpg.Connection, document: str) -> bool:
        """Not silently over what people have published since the file was last read."""
        current = await conn.fetchrow(CURRENT)
        if current is None or current["actor"] == FILE or self._file_wins:
            return True
        if current["document"] != document:
            log.warning(
                "the rulebook file was changed and is not in force, because people have published since it was read; "
                "to bring it in, draft it (redress sla draft FILE --pack NAME, then dry-run and publish), "
                "or start once with SLA_FILE_WINS=true",
                extra={"published_by": current["actor"]},
            )
        return False

    async def current(self, conn: asyncpg.Connection, revision: int | None) -> Rulebook:
        """The rulebook as of the revision that this transaction sees."""
        if revision is not None and revision != self._revision:
            await self.refresh(conn)
        return self.rulebook

    async def read(self, pool: asyncpg.Pool) -> Rulebook:
        """The rulebook as it counts now, for whoever only looks: another process may have published since."""
        if await pool.fetchval(NEWEST) == self._revision:
            return self.rulebook
        async with transaction(pool) as conn:
            return await self.refresh(conn)

    async def refresh(self, conn: asyncpg.Connection) -> Rulebook:
        """Read everything that was published; calendars that did not change stay compiled."""
        documents = await self._documents(conn)
        if documents and documents[-1].number != self._revision:
            self.rulebook = build_rulebook(documents, around=self._today(), previous=self.rulebook)
            self._revision = documents[-1].number
        return self.rulebook

    async def candidate(self, conn: asyncpg.Connection, data: Any, mode: Mode, reason: str, actor: str) -> Rulebook:
        """What the rulebook would be with this document published next. Raises `Rejected` and changes nothing."""
        documents = await self._documents(conn)
        number = documents[-1].number + 1 if documents else 1
        draft = Document(data, number=number, mode=mode, reason=reason, actor=actor)
        book = build_rulebook([*documents, draft], around=self._today(), previous=self.rulebook)
        try:
            require_golden_dates(book)
            check_golden_dates(book)
        except Misconfigured as error:
            raise Rejected(error.detail) from None
        return book

    def alone(self, data: Any) -> Rulebook:
        """The document as if nothing else had ever been published. Raises `Rejected`."""
        return build_rulebook([Document(data)], around=self._today(), previous=self.rulebook)

    async def publish(self, conn: asyncpg.Connection, data: Any, mode: Mode, reason: str, actor: str) -> int:
        """Publish it, in the caller's transaction; the number of the new revision. Raises `Rejected`."""
        await conn.execute(LOCK)
        await self.candidate(conn, data, mode, reason, actor)
        revision: int = await conn.fetchval(PUBLISH, canonical_json(data), mode, reason, actor)
        return revision

    async def _documents(self, conn: asyncpg.Connection) -> Sequence[Document]:
        rows = await conn.fetch(ALL)
        return [Document(json.loads(row[1]), row[0], row[2], row[3], row[4], row[5]) for row in rows]
