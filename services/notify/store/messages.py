"""Table of messages and table of attempts: insert, claim, finish, expire, list.

No two workers send the same message at the same time. A worker claims a message before it sends it: the claim sets the
status `sending`, inserts a row for the attempt and is committed before the provider is called.

A claim is a lease that ends at `lease_until`. If the worker dies, nothing else would release the message, so an expired
lease marks it as abandoned. Whether the provider took the message before the worker died cannot be known. Such an
attempt therefore ends as `uncertain` and not as failed; `retry_schedule` in the domain decides what follows. If the
worker was only slow and reports after all, the two updates below correct what can still be corrected.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import asyncpg

from services.notify.domain import AttemptRecord, Content, NewMessage
from shared.contracts.envelope import ComplaintId
from shared.contracts.events import MessageKind
from shared.storage.postgres import transaction

_CLAIMED_COLUMNS: Final = """message_id, complaint_id, intent, kind, address, locale, content, states_promise,
    caused_at, attempts, coalesce(written_in, '') as written_in, coalesce(template, '') as template"""

# Inserts messages in the order in which they were decided. `intent_key` is unique for ever: a message that a repeated
# event plans again is ignored.
INSERT_MESSAGES = """
insert into message (message_id, complaint_id, intent_key, intent, kind, recipient, address, locale, content,
    states_promise, caused_at, status, reason, next_attempt_at)
select message_id, complaint_id, complaint_id || ':' || intent, intent, kind, recipient, address, locale,
    content::jsonb, states_promise, caused_at,
    case when suppressed is null then 'queued' else 'suppressed' end, suppressed,
    case when suppressed is null then now() end
from unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
    $9::integer[], $10::timestamptz[], $11::text[]) with ordinality as input(message_id, complaint_id, intent, kind,
    recipient, address, locale, content, states_promise, caused_at, suppressed, n)
order by n
on conflict (intent_key) do nothing
"""

# Writes the outcome of attempts. A finished attempt keeps its outcome, except that `uncertain` can still turn into
# `sent`: the worker was only slow, and reported after its lease had expired.
FINISH_ATTEMPTS = """
update attempt a set finished_at = now(), outcome = input.outcome, code = input.code
from unnest($1::uuid[], $2::integer[], $3::text[], $4::text[]) as input(message_id, number, outcome, code)
where a.message_id = input.message_id and a.number = input.number
    and (a.outcome is null or (a.outcome = 'uncertain' and input.outcome = 'sent'))
"""

# Sets the status that follows from an attempt. Only the present attempt of a message in status `sending` may set it,
# except for `accepted`, which is true whenever it is reported. A final status is never changed.
UPDATE_MESSAGES = """
update message m set status = input.status, reason = input.code, next_attempt_at = input.again_at, lease_until = null,
    written_in = coalesce(input.locale, m.written_in), template = coalesce(input.template, m.template),
    updated_at = now()
from unnest($1::uuid[], $2::integer[], $3::text[], $4::text[], $5::timestamptz[], $6::text[], $7::text[])
    as input(message_id, number, status, code, again_at, locale, template)
where m.message_id = input.message_id and m.status not in ('accepted', 'dead', 'suppressed')
    and ((m.attempts = input.number and m.status = 'sending') or input.status = 'accepted')
"""

# Claims messages whose next attempt is due, each with a new row in `attempt`, and skips rows that another worker has
# locked. Messages of one complaint leave in their order: a message waits while an earlier one is queued or being sent,
# but not while an earlier one waits for its retry.
CLAIM_MESSAGES = f"""
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
select {_CLAIMED_COLUMNS}
from claimed order by position
"""  # noqa: S608 (constant text)

SELECT_EXPIRED = f"""
select {_CLAIMED_COLUMNS}
from message where lease_until < now() order by lease_until limit $1
"""  # noqa: S608 (constant text)

# All messages of a complaint with their attempts, in the order in which they were decided.
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
    """Message that this process has claimed and sends now, as attempt number `attempt`."""

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


async def insert_messages(conn: asyncpg.Connection, messages: Sequence[NewMessage]) -> None:
    """Insert messages in their order; a message whose intent exists is ignored."""
    if messages:
        await conn.execute(INSERT_MESSAGES, *_columns(_message_row(message) for message in messages))


async def finish_attempts(conn: asyncpg.Connection, attempts: Sequence[AttemptRecord]) -> None:
    """Write the outcome of attempts, and the status of their messages where it changes."""
    if attempts:
        await conn.execute(FINISH_ATTEMPTS, *_columns(_attempt_row(attempt) for attempt in attempts))
    if statuses := [_status_row(attempt) for attempt in attempts if attempt.status is not None]:
        await conn.execute(UPDATE_MESSAGES, *_columns(statuses))


async def claim_messages(pool: asyncpg.Pool, limit: int, lease: timedelta) -> list[ClaimedMessage]:
    """Claim up to `limit` messages for the time of `lease`. The claim is committed when this returns."""
    async with transaction(pool) as conn:
        return [_claimed_message(row) for row in await conn.fetch(CLAIM_MESSAGES, limit, lease)]


async def select_expired(pool: asyncpg.Pool, limit: int) -> list[ClaimedMessage]:
    """Return up to `limit` messages whose lease expired."""
    return [_claimed_message(row) for row in await pool.fetch(SELECT_EXPIRED, limit)]


async def select_messages(pool: asyncpg.Pool, complaint: UUID) -> list[asyncpg.Record] | None:
    """Return the messages of a complaint with their attempts, or None for an unknown complaint."""
    rows = list(await pool.fetch(SELECT_MESSAGES, complaint))
    return rows if rows or await pool.fetchval(EXISTS_COMPLAINT, complaint) else None


def _columns(rows: Iterable[tuple[Any, ...]]) -> list[list[Any]]:
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


def _attempt_row(attempt: AttemptRecord) -> tuple[Any, ...]:
    return (attempt.message_id, attempt.attempt, attempt.outcome, attempt.code)


def _status_row(attempt: AttemptRecord) -> tuple[Any, ...]:
    return (
        attempt.message_id,
        attempt.attempt,
        attempt.status,
        attempt.code,
        attempt.next_attempt_at,
        attempt.locale,
        attempt.template,
    )


def _claimed_message(row: asyncpg.Record) -> ClaimedMessage:
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
