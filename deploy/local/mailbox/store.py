"""Mails in one SQLite file, written before SMTP answers 250, so that an accepted mail survives a restart."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from deploy.local.mailbox.parse import ParsedMail

SCHEMA = """
create table if not exists mail (
    id integer primary key, message_id text not null, sender text not null, subject text not null,
    received_at text not null, snippet text not null, haystack text not null, has_html integer not null,
    raw blob not null);
create table if not exists delivery (
    id integer primary key, mail_id integer not null references mail on delete cascade, recipient text not null,
    read_at text);
create index if not exists delivery_recipient on delivery (recipient, id);
create index if not exists delivery_mail on delivery (mail_id);
create index if not exists mail_message_id on mail (message_id);
"""
# Every list is sorted by the delivery's id, newest first. :to, :q and :before are null if they do not restrict it.
SELECT_MAILS = """
select d.id, d.recipient, d.read_at, m.message_id, m.sender, m.subject, m.received_at, m.snippet, m.has_html,
       (select count(*) from delivery x join mail y on y.id = x.mail_id
        where y.message_id = m.message_id and x.recipient = d.recipient and m.message_id <> '') as copies
from delivery d join mail m on m.id = d.mail_id
where (:to is null or d.recipient = :to) and (:q is null or instr(m.haystack, :q))
      and (:before is null or d.id < :before)
order by d.id desc limit :limit
"""
COUNT_MAILS = """
select count(*) as total, count(*) filter (where d.read_at is null) as unread, max(d.id) as newest
from delivery d
where (:to is null or d.recipient = :to)
      and (:q is null or exists (select 1 from mail m where m.id = d.mail_id and instr(m.haystack, :q)))
"""
# Groups first and joins only the rows that are shown: the page polls this query over tens of thousands of mails.
SELECT_CUSTOMERS = """
select g.recipient, g.total, g.unread, g.newest, m.received_at as latest_at
from (select d.recipient, count(*) as total, count(*) filter (where d.read_at is null) as unread, max(d.id) as newest
      from delivery d
      where :q is null or exists (select 1 from mail m where m.id = d.mail_id and instr(m.haystack, :q))
      group by d.recipient order by newest desc limit :limit) g
join delivery d on d.id = g.newest join mail m on m.id = d.mail_id order by g.newest desc
"""
SELECT_MAIL = (
    "select d.id, d.recipient, d.read_at, m.* from delivery d join mail m on m.id = d.mail_id where d.id = :id"
)


@dataclass(frozen=True, slots=True)
class MailFilter:
    """Filter of mails: one customer, a text, older than a delivery."""

    to: str | None = None
    text: str = ""
    before: int | None = None
    limit: int = 50

    def parameters(self) -> dict[str, Any]:
        """Parameters of the statements above."""
        return {
            "to": self.to.casefold() if self.to else None,
            "q": self.text.casefold() or None,
            "before": self.before,
            "limit": self.limit,
        }


class MailStore:
    """SQLite file with one connection, for one event loop only; a statement takes well under a millisecond."""

    def __init__(self, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch(mode=0o600)
        self._db = sqlite3.connect(file, isolation_level=None)
        self._db.row_factory = sqlite3.Row
        for pragma in ("journal_mode = wal", "synchronous = normal", "foreign_keys = on", "secure_delete = on"):
            self._db.execute(f"pragma {pragma}")
        self._db.executescript(SCHEMA)

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def add(self, parsed: ParsedMail, raw: bytes, recipients: Sequence[str]) -> None:
        """Store one mail for each of its recipients, in one transaction."""
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        haystack = "\n".join((parsed.subject, parsed.sender, *recipients, parsed.text)).casefold()
        summary = (parsed.message_id, parsed.sender, parsed.subject, now, parsed.snippet)
        mail = (*summary, haystack, parsed.html is not None, raw)
        self._db.execute("begin immediate")
        try:
            mail_id = self._db.execute(
                "insert into mail (message_id, sender, subject, received_at, snippet, haystack, has_html, raw)"
                " values (?, ?, ?, ?, ?, ?, ?, ?)",
                mail,
            ).lastrowid
            rows = [(mail_id, recipient.casefold()) for recipient in dict.fromkeys(recipients)]
            self._db.executemany("insert into delivery (mail_id, recipient) values (?, ?)", rows)
        except BaseException:
            self._db.execute("rollback")
            raise
        self._db.execute("commit")

    def page(self, mail_filter: MailFilter) -> dict[str, Any]:
        """Return a page of mails, newest first, and the number of all mails that match."""
        messages = [dict(row) for row in self._db.execute(SELECT_MAILS, mail_filter.parameters())]
        counts = dict(self._db.execute(COUNT_MAILS, mail_filter.parameters()).fetchone())
        return {**counts, "messages": messages, "more": len(messages) == mail_filter.limit}

    def customers(self, mail_filter: MailFilter) -> list[dict[str, Any]]:
        """Return addresses that have mail, the address with the newest mail first."""
        return [dict(row) for row in self._db.execute(SELECT_CUSTOMERS, mail_filter.parameters())]

    def find(self, number: int) -> dict[str, Any] | None:
        """Return a delivery with the received mail as `raw`; None if it does not exist."""
        row = self._db.execute(SELECT_MAIL, {"id": number}).fetchone()
        return dict(row) if row else None

    def mark_read(self, number: int) -> None:
        """Store the time of the first reading."""
        now = datetime.now(UTC).isoformat(timespec="seconds")
        self._db.execute("update delivery set read_at = ? where id = ? and read_at is null", (now, number))

    def delete(self, *, number: int | None = None, to: str | None = None) -> int:
        """Delete one delivery, a customer's, or all if neither is given. Return the number."""
        count = self._db.execute(
            "delete from delivery where (:id is null or id = :id) and (:to is null or recipient = :to)",
            {"id": number, "to": to.casefold() if to else None},
        ).rowcount
        self._db.execute("delete from mail where not exists (select 1 from delivery where mail_id = mail.id)")
        return count
