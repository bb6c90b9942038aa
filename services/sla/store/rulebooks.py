"""The rulebook as published: all revisions from the database, compiled once, current in each transaction that decides.

A process that decides under a revision has read it in the same transaction, so two replicas never disagree. At the
start the rulebook file is published if its contents differ from what the last start read, unless a revision was
published through a draft since then.
"""

import logging
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import asyncpg

from services.sla.policies import Document, Mode, Rulebook, build_rulebook
from services.sla.policies.golden import check_golden_dates, require_golden_dates
from services.sla.policies.loader import canonical_json
from services.sla.store import revisions
from shared.errors import Misconfigured, Rejected
from shared.storage.postgres import transaction

log = logging.getLogger(__name__)
FILE = "rulebook file"  # actor of the revisions that were read from the file
NEXT_NUMBER = 10**9  # of a document that is checked behind all revisions


def utc_today() -> date:
    """Return today's date in UTC."""
    return datetime.now(UTC).date()


class RulebookRepository:
    """Rulebook of this process. Calendars are compiled around the day that `today` returns, in UTC if absent.

    `file_wins`: a changed file is published at the start even over a revision that was published through a draft.
    """

    def __init__(self, data: dict[str, Any], today: Callable[[], date] = utc_today, *, file_wins: bool = False) -> None:
        """Compile the file. Raises `Misconfigured` if it could leave a complaint without a due date."""
        self._today = today
        self._data = data
        self._file_wins = file_wins
        try:
            self.rulebook = build_rulebook([Document(data, actor=FILE)], around=today())
        except Rejected as error:
            raise Misconfigured(f"policies: {error.detail}") from None
        require_golden_dates(self.rulebook)
        check_golden_dates(self.rulebook)
        self._revision = 0  # nothing read from the database yet

    async def publish_file(self, conn: asyncpg.Connection) -> None:
        """Publish the file if it has changed, read all revisions, and check every golden date.

        Raises `Misconfigured` if the file changes what was published under the same version, or if a golden date of a
        pack in force, from the file or from a draft, is not computed as stated.
        """
        await revisions.lock_revisions(conn)
        document = canonical_json(self._data)
        if await revisions.select_document_of(conn, FILE) != document and await self._may_publish(conn, document):
            documents = [*await revisions.select_documents(conn), Document(self._data, number=NEXT_NUMBER)]
            try:
                build_rulebook(documents, around=self._today())
            except Rejected as error:
                raise Misconfigured(f"policies: {error.detail}") from None
            await revisions.insert_revision(conn, document, "new_only", "read at the start", FILE)
        await self.refresh(conn)
        check_golden_dates(self.rulebook)

    async def _may_publish(self, conn: asyncpg.Connection, document: str) -> bool:
        """Return False, and log a warning, if the file would silently replace what was published through a draft."""
        newest = await revisions.select_newest_document(conn)
        if newest is None or newest[1] == FILE or self._file_wins:
            return True
        if newest[0] != document:
            log.warning(
                "the rulebook file was changed and is not in force, because a draft was published since it was read; "
                "to bring it in, draft it (redress sla draft FILE --pack NAME, then dry-run and publish), "
                "or start once with SLA_FILE_WINS=true",
                extra={"published_by": newest[1]},
            )
        return False

    async def current(self, conn: asyncpg.Connection, revision: int | None) -> Rulebook:
        """Return the rulebook as of the newest revision that this transaction sees."""
        if revision is not None and revision != self._revision:
            await self.refresh(conn)
        return self.rulebook

    async def read(self, pool: asyncpg.Pool) -> Rulebook:
        """Return the current rulebook for a request that only reads; another process may have published."""
        if await revisions.newest_revision(pool) == self._revision:
            return self.rulebook
        async with transaction(pool) as conn:
            return await self.refresh(conn)

    async def refresh(self, conn: asyncpg.Connection) -> Rulebook:
        """Read all revisions; calendars that did not change stay compiled."""
        documents = await revisions.select_documents(conn)
        if documents and documents[-1].number != self._revision:
            self.rulebook = build_rulebook(documents, around=self._today(), previous=self.rulebook)
            self._revision = documents[-1].number
        return self.rulebook

    async def candidate(self, conn: asyncpg.Connection, data: Any, mode: Mode, reason: str, actor: str) -> Rulebook:
        """Compile the rulebook as if this document were published next. Raises `Rejected`; changes nothing."""
        documents = await revisions.select_documents(conn)
        number = documents[-1].number + 1 if documents else 1
        draft = Document(data, number=number, mode=mode, reason=reason, actor=actor)
        rulebook = build_rulebook([*documents, draft], around=self._today(), previous=self.rulebook)
        try:
            require_golden_dates(rulebook)
            check_golden_dates(rulebook)
        except Misconfigured as error:
            raise Rejected(error.detail) from None
        return rulebook

    def compile_alone(self, data: Any) -> Rulebook:
        """Compile a document as if it were the only revision. Raises `Rejected`."""
        return build_rulebook([Document(data)], around=self._today(), previous=self.rulebook)

    async def publish(self, conn: asyncpg.Connection, data: Any, mode: Mode, reason: str, actor: str) -> int:
        """Publish a document in the caller's transaction; return the new revision's number. Raises `Rejected`."""
        await revisions.lock_revisions(conn)
        await self.candidate(conn, data, mode, reason, actor)
        return await revisions.insert_revision(conn, canonical_json(data), mode, reason, actor)
