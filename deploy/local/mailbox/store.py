"""Mails in one SQLite file: written before SMTP answers 250, so that what was accepted can be shown after a restart."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from deploy.local.mailbox.parse import Parsed

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
# Every list is newest first, by the delivery's id. :to, :q and :before are null where they do not restrict.
LIST = """
select d.id, d.recipient, d.read_at, m.message_id, m.sender, m.subject, m.received_at, m.snippet, m.has_html,
       (select count(*) from delivery x join mail y on y.id = x.mail_id
        where y.message_id = m.message_id and x.recipient = d.recipient and m.message_id <> '') as copies
from delivery d join mail m on m.id = d.mail_id
where (:to is null or d.recipient = :to) and (:q is null or instr(m.haystack, :q))
      and (:before is null or d.id < :before)
order by d.id desc limit :limit
"""
COUNT = """
select count(*) as total, count(*) filter (where d.read_at is null) as unread, max(d.id) as newest
from delivery d
where (:to is null or d.recipient = :to)
      and (:q is null or exists (select 1 from mail m where m.id = d.mail_id and instr(m.haystack, :q)))
"""
# Grouped first and joined for the few that are shown: a page polls this over tens of thousands of mails.
CUSTOMERS = """
select g.recipient, g.total, g.unread, g.newest, m.received_at as latest_at
from (select d.recipient, count(*) as total, count(*) filter (where d.read_at is null) as unread, max(d.id) as newest
      from delivery d
      where :q is null or exists (select 1 from mail m where m.id = d.mail_id and instr(m.haystack, :q))
      group by d.recipient order by newest desc limit :limit) g
join delivery d on d.id = g.newest join mail m on m.id = d.mail_id order by g.newest desc
"""
ONE = "select d.id, d.recipient, d.read_at, m.* from delivery d join mail m on m.id = d.mail_id where d.id = :id"


@dataclass(frozen=True, slots=True)
class MailFilter:
    """Which mails: of one customer, with words in them, older than a delivery."""

    to: str | None = None
    words: str = ""
    before: int | None = None
    limit: int = 50

    def bound(self) -> dict[str, Any]:
        """As parameters of the statements above."""
        return {
            "to": self.to.casefold() if self.to else None,
            "q": self.words.casefold() or None,
            "before": self.before,
            "limit": self.limit,
        }


class MailStore:
    """The file. One connection, used by one event loop only; a statement takes well under a millisecond."""

    def __init__(self, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch(mode=0o600)
        self._db = sqlite3.connect(file, isolation_level=None)
        self._db.row_factory = sqlite3.Row
        for pragma in ("journal_mode = wal", "synchronous = normal", "foreign_keys = on", "secure_delete = on"):
            self._db.execute(f"pragma {pragma}")
        self._db.executescript(SCHEMA)

    def close(self) -> None:
        """Close the file; what was accepted is in it."""
        self._db.close()

    def add(self, parsed: Parsed, raw: bytes, recipients: Sequence[str]) -> None:
        """Keep one mail for each of its recipients, all or none."""
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        haystack = "\n".join((parsed.subject, parsed.sender, *recipients, parsed.text)).casefold()
        shown = (parsed.message_id, parsed.sender, parsed.subject, now, parsed.snippet)
        mail = (*shown, haystack, parsed.html is not None, raw)
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

    def page(self, wanted: MailFilter) -> dict[str, Any]:
        """A page of mails, newest first, and how many there are of these."""
        found = [dict(row) for row in self._db.execute(LIST, wanted.bound())]
        counted = dict(self._db.execute(COUNT, wanted.bound()).fetchone())
        return {**counted, "messages": found, "more": len(found) == wanted.limit}

    def customers(self, wanted: MailFilter) -> list[dict[str, Any]]:
        """Who has mail, whose is newest first."""
        return [dict(row) for row in self._db.execute(CUSTOMERS, wanted.bound())]

    def one(self, number: int) -> dict[str, Any] | None:
        """A delivery with the mail as it came, `raw`; None when there is none."""
        row = self._db.execute(ONE, {"id": number}).fetchone()
        return dict(row) if row else None

    def mark_read(self, number: int) -> None:
        """It was looked at; the first time counts."""
        now = datetime.now(UTC).isoformat(timespec="seconds")
        self._db.execute("update delivery set read_at = ? where id = ? and read_at is null", (now, number))

    def delete(self, *, number: int | None = None, to: str | None = None) -> int:
        """Delete one delivery, a customer's, or all when neither is given. Returns how many."""
        gone = self._db.execute(
            "delete from delivery where (:id is null or id = :id) and (:to is null or recipient = :to)",
            {"id": number, "to": to.casefold() if to else None},
        ).rowcount
        self._db.execute("delete from mail where not exists (select 1 from delivery where mail_id = mail.id)")
        return gone
