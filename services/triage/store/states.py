"""Store of triage. It classifies the new complaints of a batch before the transaction begins."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import asyncpg

from services.triage.classifier import Classification, Classifier, ComplaintText
from services.triage.domain import Roster, TriageContext, TriageState
from services.triage.rulebook import TriageRulebook
from services.triage.rulebook.model import SEVERITIES
from services.triage.store.handlers import add_open_cases, select_open_cases
from services.triage.store.waiting import claim_waiting, is_any_assignable, list_members, postpone_waiting
from shared.contracts.envelope import ComplaintId, Event, EventId
from shared.contracts.events import ComplaintReceived
from shared.runner.state_store import StateStore
from shared.runner.types import Command, DueTimer, Input, Tick

# Columns that the queries of queues and of waiting cases read.
PROMOTED = {
    "team": "text",
    "open": "boolean",
    "severity": "smallint",
    "since": "timestamptz",
    "waiting_since": "timestamptz",
}


class TriageStore(StateStore[TriageState, TriageContext]):
    """States of triage (cases), and the number of open cases of each handler."""

    def __init__(self, rulebook: TriageRulebook, classifier: Classifier, threshold: float) -> None:
        super().__init__(TriageState, promoted=PROMOTED, promote=promoted_columns)
        self._rulebook = rulebook
        self._classifier = classifier
        self._threshold = threshold
        self._members = list_members(rulebook.teams)

    def prepare(self, inputs: Sequence[Input]) -> Mapping[EventId, Classification]:
        """Classify the texts of all new complaints of the batch at once."""
        # `isinstance` with pydantic's generic models costs as much as a classification, so the exact class is compared.
        events = [input_ for input_ in inputs if not isinstance(input_, Tick | Command)]
        received = [event for event in events if type(event.facts) is ComplaintReceived]
        results = self._classifier.classify([complaint_text(event) for event in received])
        return {event.id: result for event, result in zip(received, results, strict=True)}

    async def load_context(self, conn: asyncpg.Connection, now: datetime, prepared: Any) -> TriageContext:
        """Load the open cases of each handler; add the rulebook and the classifications of `prepare`."""
        roster = Roster(self._rulebook.teams, await select_open_cases(conn))
        return TriageContext(now, self._rulebook, roster, prepared or {}, self._threshold)

    async def save(self, conn: asyncpg.Connection, states: Sequence[TriageState], context: TriageContext) -> None:
        """Save the states and add this batch's changes to the handlers' open cases."""
        await super().save(conn, states, context)
        await add_open_cases(conn, context.roster.changes)

    def due_at(self, state: TriageState) -> None:
        """Return None: a case waits for a free handler and not for a time, so its timer is never stuck."""

    async def seconds_until_due(self, conn: asyncpg.Connection) -> float | None:
        """Return 0 if a case waits in a team with a free handler, otherwise None."""
        return 0.0 if await is_any_assignable(conn, self._members) else None

    async def claim_due(self, conn: asyncpg.Connection, limit: int) -> list[DueTimer[TriageState]]:
        """Claim up to `limit` cases that wait in teams with a free handler."""
        rows = await claim_waiting(conn, self._members, limit)
        if not rows:
            return []
        states, now = await self.load(conn, [row[0] for row in rows]), rows[0][1]
        return [DueTimer(states[row[0]], now, now) for row in rows]  # not late: no handler was free before

    async def postpone(self, conn: asyncpg.Connection, ids: Sequence[ComplaintId], now: datetime) -> None:
        """Move these cases behind the others for `postponement`."""
        await postpone_waiting(conn, ids, now + self.postponement)


def complaint_text(event: Event[ComplaintReceived]) -> ComplaintText:
    """Return the text for the classifier. The expected outcome is left out, because it does not name the cause."""
    narrative = event.narrative()
    if narrative is None:
        return ComplaintText(locale=event.facts.locale)
    return ComplaintText(subject=narrative.subject or "", body=narrative.text or "", locale=event.facts.locale)


def promoted_columns(case: TriageState) -> tuple[Any, ...]:
    """Return the values of the promoted columns, in the order of `PROMOTED`."""
    severity = SEVERITIES.index(case.severity) if case.severity else 0
    return case.team, case.is_open, severity, case.since, case.since if case.is_waiting else None
