"""States of notify on PostgreSQL, with their messages and the attempts to hand these to a provider."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

import asyncpg

from services.notify.domain import Content, Finished, NewMessage, NotificationState, NotifyContext
from shared.contracts.envelope import ComplaintId
from shared.contracts.events import MessageKind
from shared.runner.state_store import StateStore
from shared.storage.postgres import transaction

# New messages, in the order in which they were decided. An intent is unique for ever, so an existing one stays.
INSERT_MESSAGES = """
insert into message (message_id, complaint_id, intent_key, intent, kind, recipient, address, locale, content,
    states_promise, caused_at, status, reason, next_attempt_at)
select message_id, complaint_id, complaint_id || ':' || intent, intent, kind, recipient, address, locale,
    content::jsonb, states_promise, caused_at,
    case when suppressed is null then 'queued' else 'suppressed' end, suppressed,
    case when suppressed is null then now() end
from unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
    $9::integer[], $10::timestamptz[], $11::text[]) with ordinality as row(message_id, complaint_id, intent, kind,
    recipient, address, locale, content, states_promise, caused_at, suppressed, n)
order by n
on conflict (intent_key) do nothing
"""
# Results of attempts. A late "sent" corrects an "uncertain"; otherwise a finished attempt does not change.
FINISH_ATTEMPTS = """
update attempt a set finished_at = now(), outcome = row.outcome, code = row.code
from unnest($1::uuid[], $2::integer[], $3::text[], $4::text[]) as row(message_id, number, outcome, code)
where a.message_id = row.message_id and a.number = row.number
    and (a.outcome is null or (a.outcome = 'uncertain' and row.outcome = 'sent'))
"""
# Status of messages after these attempts. Only the current attempt changes its message, except that "accepted" of an
# earlier one counts as well.
UPDATE_MESSAGES = """
update message m set status = row.status, reason = row.code, next_attempt_at = row.again_at, lease_until = null,
    written_in = coalesce(row.locale, m.written_in), template = coalesce(row.template, m.template),
    updated_at = now()
from unnest($1::uuid[], $2::integer[], $3::text[], $4::text[], $5::timestamptz[], $6::text[], $7::text[])
    as row(message_id, number, status, code, again_at, locale, template)
where m.message_id = row.message_id and m.status not in ('accepted', 'dead', 'suppressed')
    and ((m.attempts = row.number and m.status = 'sending') or row.status = 'accepted')
"""
# Claim due messages and insert a row for each attempt. Messages of one complaint are sent in order: a later one is not
# claimed while an earlier one is queued or being sent.
CLAIM_MESSAGES = """
with ready as materialized (
    select m.message_id, m.status from message m
    where m.next_attempt_at <= now() and not exists (
        select from message earlier where earlier.complaint_id = m.complaint_id
            and earlier.position < m.position and earlier.status in ('queued', 'sending'))
    order by m.next_attempt_at, m.position limit $1
    for update of m skip locked
), claimed as (
    update message m set status = 'sending', attempts = m.attempts + 1, lease_until = now() + $2,
        next_attempt_at = null, updated_at = now()
    from ready where m.message_id = ready.message_id
    returning m.*, ready.status = 'uncertain' as was_uncertain
), noted as (
    insert into attempt (message_id, number, after_uncertain) select message_id, attempts, was_uncertain from claimed
)
select message_id, complaint_id, intent, kind, address, locale, content, states_promise, caused_at, attempts,
    coalesce(written_in, '') as written_in, coalesce(template, '') as template
from claimed order by position
"""
# Messages whose lease has expired: their worker crashed between claim and result.
SELECT_EXPIRED = """
select message_id, complaint_id, intent, kind, address, locale, content, states_promise, caused_at, attempts,
    coalesce(written_in, '') as written_in, coalesce(template, '') as template
from message where lease_until < now() order by lease_until limit $1
"""
# Messages of one complaint with their attempts, in the order in which they were decided.
SELECT_MESSAGES = """
select m.message_id, m.kind, m.channel, m.recipient, m.status, m.reason, m.locale, m.written_in, m.template,
    m.states_promise, m.created_at, m.next_attempt_at,
    coalesce(jsonb_agg(jsonb_build_object('number', a.number, 'started_at', a.started_at, 'finished_at', a.finished_at,
        'outcome', a.outcome, 'code', a.code, 'after_uncertain', a.after_uncertain) order by a.number)
        filter (where a.number is not null), '[]') as attempts
from message m left join attempt a using (message_id)
where m.complaint_id = $1 group by m.message_id order by m.position
"""
EXISTS_COMPLAINT = "select exists (select from complaint where complaint_id = $1)"


@dataclass(frozen=True, slots=True)
class ClaimedMessage:
    """Message that this process has claimed, to be sent now as attempt number `attempt`."""

    message_id: UUID
    complaint_id: ComplaintId
    intent: str
    kind: MessageKind
    address: str = field(repr=False)
    locale: str
    content: Content
    states_promise: int | None
    caused_at: datetime
    attempt: int
    written_in: str
    template: str


class NotifyStore(StateStore[NotificationState, NotifyContext]):
    """States of notify, and the messages and attempts that belong to them."""

    def __init__(self, *, patience: timedelta, receipt_window: timedelta, default_locale: str) -> None:
        super().__init__(
            NotificationState,
            promoted={"due_at": "timestamptz"},
            promote=lambda state: (state.due_at,),
            postponement=timedelta(hours=1),
        )
        self._make_context = partial(
            NotifyContext, patience=patience, receipt_window=receipt_window, default_locale=default_locale
        )

    async def load_context(self, conn: asyncpg.Connection, now: datetime, prepared: None) -> NotifyContext:
        """Return the time and the settings that decisions depend on."""
        del conn, prepared
        return self._make_context(now)

    async def save(self, conn: asyncpg.Connection, states: Sequence[NotificationState], context: NotifyContext) -> None:
        """Save states, new messages and finished attempts, in one statement each; skip statements without rows."""
        await super().save(conn, states, context)
        messages = [message for state in states for message in state.planned]
        attempts = [attempt for state in states for attempt in state.finished]
        if messages:
            await conn.execute(INSERT_MESSAGES, *_columns(_message_row(message) for message in messages))
        if attempts:
            await conn.execute(FINISH_ATTEMPTS, *_columns(_attempt_row(attempt) for attempt in attempts))
        if statuses := [_status_row(attempt) for attempt in attempts if attempt.status is not None]:
            await conn.execute(UPDATE_MESSAGES, *_columns(statuses))


async def claim(pool: asyncpg.Pool, limit: int, lease: timedelta) -> list[ClaimedMessage]:
    """Claim up to `limit` messages for `lease`; the rows of their attempts are committed when this returns."""
    async with transaction(pool) as conn:
        return [_to_message(row) for row in await conn.fetch(CLAIM_MESSAGES, limit, lease)]


async def find_expired(pool: asyncpg.Pool, limit: int) -> list[ClaimedMessage]:
    """Return messages whose lease has expired; it is not known whether the provider has accepted them."""
    return [_to_message(row) for row in await pool.fetch(SELECT_EXPIRED, limit)]


async def load_messages(pool: asyncpg.Pool, complaint: UUID) -> list[asyncpg.Record] | None:
    """Return the messages of a complaint with their attempts; None if there is no such complaint."""
    rows = list(await pool.fetch(SELECT_MESSAGES, complaint))
    return rows if rows or await pool.fetchval(EXISTS_COMPLAINT, complaint) else None


def _columns(rows: Any) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]


def _message_row(message: NewMessage) -> tuple[Any, ...]:
    return (
        message.message_id,
        message.complaint_id,
        message.intent,
        message.kind,
        message.recipient,
        message.address,
        message.locale,
        message.content.__pydantic_serializer__.to_json(message.content, exclude_none=True).decode(),
        message.states_promise,
        message.caused_at,
        message.suppressed,
    )


def _attempt_row(attempt: Finished) -> tuple[Any, ...]:
    return (attempt.message_id, attempt.attempt, attempt.outcome, attempt.code)


def _status_row(attempt: Finished) -> tuple[Any, ...]:
    return (
        attempt.message_id,
        attempt.attempt,
        attempt.status,
        attempt.code,
        attempt.next_attempt_at,
        attempt.locale,
        attempt.template,
    )


def _to_message(row: asyncpg.Record) -> ClaimedMessage:
    return ClaimedMessage(
        message_id=row["message_id"],
        complaint_id=row["complaint_id"],
        intent=row["intent"],
        kind=row["kind"],
        address=row["address"],
        locale=row["locale"],
        content=Content.model_validate_json(row["content"]),
        states_promise=row["states_promise"],
        caused_at=row["caused_at"],
        attempt=row["attempts"],
        written_in=row["written_in"],
        template=row["template"],
    )
