"""Store of notify: states, with the messages and attempts that belong to them."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial

import asyncpg

from services.notify.domain import NotifyContext, NotifyState
from services.notify.store.messages import finish_attempts, insert_messages
from shared.runner.state_store import StateStore


class NotifyStore(StateStore[NotifyState, NotifyContext]):
    """States of notify, and the messages and attempts that belong to them."""

    def __init__(self, *, acknowledge_within: timedelta, receipt_window: timedelta, default_locale: str) -> None:
        super().__init__(
            NotifyState,
            promoted={"due_at": "timestamptz"},
            promote=lambda state: (state.due_at,),
            postponement=timedelta(hours=1),
        )
        self._make_context = partial(
            NotifyContext,
            acknowledge_within=acknowledge_within,
            receipt_window=receipt_window,
            default_locale=default_locale,
        )

    async def load_context(self, conn: asyncpg.Connection, now: datetime, prepared: None) -> NotifyContext:
        """Return the time and the settings that decisions depend on."""
        del conn, prepared
        return self._make_context(now)

    async def save(self, conn: asyncpg.Connection, states: Sequence[NotifyState], context: NotifyContext) -> None:
        """Save states, new messages and finished attempts, in one statement each; skip statements without rows."""
        await super().save(conn, states, context)
        await insert_messages(conn, [message for state in states for message in state.planned])
        await finish_attempts(conn, [attempt for state in states for attempt in state.finished])
