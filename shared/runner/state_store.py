"""States of a service on PostgreSQL: one JSONB document per complaint, and promoted columns for what queries need.

A table with a promoted column `due_at timestamptz` has timers. They are compared with the database's clock, and the
seconds to wait are computed in the database: a service whose own clock is wrong still fires its timers on time.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from operator import attrgetter
from typing import Any, Generic, cast

import asyncpg
from pydantic import TypeAdapter

from shared.contracts.envelope import ComplaintId
from shared.errors import LostUpdate
from shared.runner.types import Context, ContextT, DueTimer, Input, State, StateT

POSTPONEMENT = timedelta(minutes=15)  # of a timer whose tick failed or left it due
_BY_INT = attrgetter("int")  # PostgreSQL's order of uuid, at a tenth of the cost of comparing UUID objects

# True for a row that a transaction with a higher id than the current one has written: its age is negative. (Below
# minus one million the row is so old that its transaction id has wrapped around.)
#
# Why this matters: the relay publishes the outbox in the order of transaction ids. Suppose this transaction has id 10,
# is slow to reach the complaint, and another one with id 11 changes the complaint and commits first. The events that
# this transaction derives from the state of 11 would then be published before the events of 11. Such a row must
# therefore be left alone: the caller rolls back and tries again, and its new transaction id is higher than 11.
_WRITTEN_BY_LATER_TRANSACTION = "age(xmin) between -1000000 and -1"


class StateStore(Generic[StateT, ContextT]):
    """Base class of a service's store: loads and saves states in bulk. Subclasses override only what differs.

    All methods with a connection run inside the transaction of the runner. `promoted` maps column names to PostgreSQL
    types; `promote` returns the values of a state for them in the same order.
    """

    def __init__(
        self,
        model: type[StateT],
        *,
        table: str = "complaint",
        promoted: Mapping[str, str] | None = None,
        promote: Callable[[StateT], tuple[Any, ...]] = lambda _: (),
        postponement: timedelta = POSTPONEMENT,
    ) -> None:
        columns = promoted or {}
        self.postponement = postponement
        self._reader: TypeAdapter[StateT] = TypeAdapter(model)
        self._promote = promote
        self._due_at_position = [*columns].index("due_at") if "due_at" in columns else None
        self._select_states = _select_states(table)
        self._upsert_states = _upsert_states(table, columns)
        self._claim_due_states = build_claim_query("due_at <= now()", "due_at", table=table, also=", due_at, now()")
        self._select_seconds_until_due = _select_seconds_until_due(table)
        self._postpone_timers = f"update {table} set due_at = $2 where complaint_id = any($1)"  # noqa: S608 (own table name)

    def prepare(self, inputs: Sequence[Input]) -> Any:
        """Do the work for a batch that needs no database, before the transaction begins (for example classification).

        The result is passed to `load_context`. Default: nothing.
        """

    async def load_context(self, conn: asyncpg.Connection, now: datetime, prepared: Any) -> ContextT:
        """Load what the decisions of this batch need besides state and input. Default: only the time."""
        del conn, prepared
        return cast("ContextT", Context(now))

    async def load(self, conn: asyncpg.Connection, ids: Sequence[ComplaintId]) -> dict[ComplaintId, StateT]:
        """Load the states of these complaints in one query; the rows stay locked, in id order, until the commit.

        Complaints without a row are missing in the result. Raises `LostUpdate` if a row was written by a transaction
        with a higher id than the current one (see `_WRITTEN_BY_LATER_TRANSACTION`).
        """
        rows = await conn.fetch(self._select_states, sorted(set(ids), key=_BY_INT))
        if any(row[2] for row in rows):
            raise LostUpdate
        parse = self._reader.validate_json
        return {row[0]: parse(row[1]) for row in rows}

    async def save(self, conn: asyncpg.Connection, states: Sequence[StateT], context: ContextT) -> None:
        """Insert or update all states in one statement.

        Raises `LostUpdate` if the version of a stored row is no longer the one that was loaded.
        """
        del context
        if not states:
            return
        ordered = sorted(states, key=lambda state: state.complaint_id.int)
        promoted = list(zip(*(self._promote(state) for state in ordered), strict=True))
        written = await conn.fetch(
            self._upsert_states,
            [state.complaint_id for state in ordered],
            [serialize_state(state) for state in ordered],
            [state.version for state in ordered],
            *(list(column) for column in promoted),
        )
        if len(written) != len(ordered):
            raise LostUpdate

    def due_at(self, state: StateT) -> datetime | None:
        """Return the time of the state's next timer; None if it has none."""
        return self._promote(state)[self._due_at_position] if self._due_at_position is not None else None

    async def seconds_until_due(self, conn: asyncpg.Connection) -> float | None:
        """Return the seconds until the earliest timer, 0 or less if it is due now; None if there is no timer."""
        return await conn.fetchval(self._select_seconds_until_due) if self._due_at_position is not None else None

    async def claim_due(self, conn: asyncpg.Connection, limit: int) -> list[DueTimer[StateT]]:
        """Claim up to `limit` complaints with a due timer, the oldest timers first, as `claim` does."""
        if self._due_at_position is None:
            return []
        parse = self._reader.validate_json
        rows = await conn.fetch(self._claim_due_states, limit)
        return [DueTimer(parse(row[0]), row[2], row[3]) for row in rows if not row[1]]

    async def claim(self, conn: asyncpg.Connection, query: str, limit: int, *arguments: Any) -> list[StateT]:
        """Lock and load up to `limit` states with a query of `build_claim_query`; skip rows that others hold.

        Skips rows of transactions with a higher id as well, for which `load` raises: the next round will have a
        higher id and can claim them.
        """
        parse = self._reader.validate_json
        return [parse(row[0]) for row in await conn.fetch(query, limit, *arguments) if not row[1]]

    async def postpone(self, conn: asyncpg.Connection, ids: Sequence[ComplaintId], now: datetime) -> None:
        """Move the timers of these complaints to `postponement` from now, so that they cannot starve the others."""
        if ids:
            await conn.execute(self._postpone_timers, ids, now + self.postponement)


def serialize_state(state: State) -> str:
    """Return the JSON that is stored for a state, without fields that are declared with `exclude=True`."""
    return state.__pydantic_serializer__.to_json(state, exclude_none=True, by_alias=True).decode()


def build_claim_query(condition: str, order: str, *, table: str = "complaint", also: str = "") -> str:
    """Return a query that claims rows in this order until the transaction ends; $1 is the limit.

    SKIP LOCKED lets several workers claim at the same time: a row that another one holds is passed over instead of
    waited for. FOR NO KEY UPDATE locks the row against other writers and claims, and is the weakest lock that does.
    """
    return (
        f"select state, {_WRITTEN_BY_LATER_TRANSACTION}{also} from {table} where {condition} "  # noqa: S608
        f"order by {order} limit $1 for no key update skip locked"
    )


def _select_states(table: str) -> str:
    return (
        f"select complaint_id, state, {_WRITTEN_BY_LATER_TRANSACTION} from {table} "  # noqa: S608
        "where complaint_id = any($1) order by complaint_id for update"
    )


def _upsert_states(table: str, promoted: Mapping[str, str]) -> str:
    names = ["complaint_id", "state", "version", *promoted]
    types = ["uuid", "text", "integer", *promoted.values()]
    arrays = ", ".join(f"${position}::{type_}[]" for position, type_ in enumerate(types, start=1))
    values = ", ".join("state::jsonb" if name == "state" else name for name in names)
    updates = ", ".join(f"{name} = excluded.{name}" for name in names[1:])
    return (
        f"insert into {table} ({', '.join(names)}) select {values} from unnest({arrays}) as row({', '.join(names)}) "  # noqa: S608
        f"on conflict (complaint_id) do update set {updates}, updated_at = now() "
        f"where {table}.version = excluded.version - 1 returning 1"
    )


def _select_seconds_until_due(table: str) -> str:
    return (
        f"select extract(epoch from due_at - clock_timestamp())::float8 from {table} "  # noqa: S608
        "where due_at is not null order by due_at limit 1"
    )
