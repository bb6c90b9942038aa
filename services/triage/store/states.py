"""States of triage (cases) and open cases of handlers on PostgreSQL; texts are classified before the transaction."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from services.triage.classifier import Classification, Classifier, ComplaintText
from services.triage.domain import Roster, TriageContext, TriageState
from services.triage.rulebook import TriageRulebook
from services.triage.rulebook.model import SEVERITIES
from shared.contracts.envelope import ComplaintId, Event, EventId
from shared.contracts.events import ComplaintReceived
from shared.runner.state_store import StateStore
from shared.runner.types import Command, DueTimer, Input, Tick

PROMOTED = {
    "team": "text",
    "open": "boolean",
    "severity": "smallint",
    "since": "timestamptz",
    "waiting_since": "timestamptz",
}

# Number of open cases of each handler.
SELECT_LOAD = "select handler, open_cases from handler"

# Add the changes of this transaction. Sorted, so that two transactions lock the rows in the same order.
CHANGE_LOAD = """
insert into handler (handler, open_cases)
select handler, change from unnest($1::text[], $2::integer[]) as row(handler, change) order by handler
on conflict (handler) do update set open_cases = handler.open_cases + excluded.open_cases
"""

# Teams with a handler who has capacity. The queries below look up waiting cases per team by an index, so that cases of
# teams without capacity are not read, however many there are.
_FREE_TEAMS = """
with free as (
    select distinct team
    from unnest($1::text[], $2::text[], $3::integer[]) as member(team, handler, capacity)
    left join handler using (handler)
    where coalesce(handler.open_cases, 0) < member.capacity
)
"""

# Waiting cases of teams with capacity, by severity, then age. Locked; rows that others hold are skipped.
CLAIM_ASSIGNABLE = f"""{_FREE_TEAMS}
select complaint_id, now()
from free cross join lateral (
    select complaint_id, severity, waiting_since from complaint
    where complaint.team = free.team and waiting_since <= now()
    order by severity desc, waiting_since
    limit $4
    for no key update skip locked
) as waiting
order by severity desc, waiting_since
limit $4
"""  # noqa: S608 (own constants)

# True if there is such a case.
EXISTS_ASSIGNABLE = f"""{_FREE_TEAMS}
select exists (
    select from free cross join lateral (
        select from complaint where complaint.team = free.team and waiting_since <= now() limit 1
    ) as waiting
)
"""  # noqa: S608 (own constants)

# Move cases whose tick failed behind the others for a while.
POSTPONE_WAITING = "update complaint set waiting_since = $2 where complaint_id = any($1)"

SELECT_CASE = "select state from complaint where complaint_id = $1"

# Open cases of a team, by severity, then age.
SELECT_QUEUE = """
select state from complaint
where open and team = $1
order by severity desc, since, complaint_id
limit $2 offset $3
"""


class TriageStore(StateStore[TriageState, TriageContext]):
    """States of triage (cases), and the number of open cases of each handler."""

    def __init__(self, rulebook: TriageRulebook, classifier: Classifier, threshold: float) -> None:
        super().__init__(TriageState, promoted=PROMOTED, promote=promote)
        self._rulebook = rulebook
        self._classifier = classifier
        self._threshold = threshold
        members = [(name, handler) for name, team in rulebook.teams.items() for handler in team.handlers]
        self._members = (
            [name for name, _ in members],
            [handler.id for _, handler in members],
            [handler.capacity for _, handler in members],
        )

    def prepare(self, inputs: Sequence[Input]) -> Mapping[EventId, Classification]:
        """Classify the texts of all new complaints of the batch at once."""
        # By exact class: the isinstance of pydantic's generic models costs as much as reading the text.
        events = [input_ for input_ in inputs if not isinstance(input_, Tick | Command)]
        received = [event for event in events if type(event.facts) is ComplaintReceived]
        results = self._classifier.classify([text_of(event) for event in received])
        return {event.id: result for event, result in zip(received, results, strict=True)}

    async def load_context(self, conn: asyncpg.Connection, now: datetime, prepared: Any) -> TriageContext:
        """Load the open cases of each handler; add the rulebook and the classifications of `prepare`."""
        open_cases = {row[0]: row[1] for row in await conn.fetch(SELECT_LOAD)}
        roster = Roster(self._rulebook.teams, open_cases)
        return TriageContext(now, self._rulebook, roster, prepared or {}, self._threshold)

    async def save(self, conn: asyncpg.Connection, states: Sequence[TriageState], context: TriageContext) -> None:
        """Save the states and add this batch's changes to the handlers' open cases."""
        await super().save(conn, states, context)
        changes = sorted((handler, change) for handler, change in context.roster.changes.items() if change)
        if changes:
            await conn.execute(CHANGE_LOAD, [handler for handler, _ in changes], [change for _, change in changes])

    def due_at(self, state: TriageState) -> None:
        """Return None: a case waits for a free handler and not for a time, so its timer is never stuck."""

    async def seconds_until_due(self, conn: asyncpg.Connection) -> float | None:
        """Return 0 if a case waits in a team with a free handler, otherwise None."""
        return 0.0 if await conn.fetchval(EXISTS_ASSIGNABLE, *self._members) else None

    async def claim_due(self, conn: asyncpg.Connection, limit: int) -> list[DueTimer[TriageState]]:
        """Claim up to `limit` cases that wait in teams with a free handler."""
        rows = await conn.fetch(CLAIM_ASSIGNABLE, *self._members, limit)
        if not rows:
            return []
        states, now = await self.load(conn, [row[0] for row in rows]), rows[0][1]
        return [DueTimer(states[row[0]], now, now) for row in rows]  # not late: no handler was free before

    async def postpone(self, conn: asyncpg.Connection, ids: Sequence[ComplaintId], now: datetime) -> None:
        """Move these cases behind the others for `postponement`."""
        if ids:
            await conn.execute(POSTPONE_WAITING, ids, now + self.postponement)


async def find_case(pool: asyncpg.Pool, complaint: UUID) -> TriageState | None:
    """Return a case; None if there is none."""
    document = await pool.fetchval(SELECT_CASE, complaint)
    return TriageState.model_validate_json(document) if document else None


async def find_queue(pool: asyncpg.Pool, team: str, *, limit: int, offset: int) -> list[TriageState]:
    """Return the open cases of a team, by severity, then age."""
    return [TriageState.model_validate_json(row[0]) for row in await pool.fetch(SELECT_QUEUE, team, limit, offset)]


def text_of(event: Event[ComplaintReceived]) -> ComplaintText:
    """Return the text for the classifier, without the expected outcome, which does not describe the cause."""
    narrative = event.narrative()
    if narrative is None:
        return ComplaintText(locale=event.facts.locale)
    return ComplaintText(subject=narrative.subject or "", body=narrative.text or "", locale=event.facts.locale)


def promote(case: TriageState) -> tuple[Any, ...]:
    """Return the values of the promoted columns, in the order of `PROMOTED`."""
    severity = SEVERITIES.index(case.severity) if case.severity else 0
    return case.team, case.is_open, severity, case.since, case.since if case.is_waiting else None
