"""States on PostgreSQL: one JSONB document a complaint, with promoted columns for what is queried.

A table with a promoted `due_at timestamptz` has timers. They are compared with the database's clock, and waits are
differences worked out in the database: a service whose own clock is wrong fires on time all the same.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from operator import attrgetter
from typing import Any, Generic, TypeVar

import asyncpg
from pydantic import TypeAdapter

from shared.contracts.envelope import ComplaintId
from shared.errors import Unavailable
from shared.runner.types import DueTimer, State

StateT = TypeVar("StateT", bound=State)
POSTPONED = timedelta(minutes=15)
_BY_INT = attrgetter("int")  # PostgreSQL's order of uuid, at a tenth of the cost of comparing them


class LostUpdate(Unavailable):
    """Another transaction wrote the same complaint first; the batch is decided again."""


class StateStore(Generic[StateT]):
    """Bulk in, bulk out.

    `promoted` maps column names to PostgreSQL types; `promote(state)` gives their values in the same order.
    """

    def __init__(
        self,
        model: type[StateT],
        *,
        table: str = "complaint",
        promoted: Mapping[str, str] | None = None,
        promote: Callable[[StateT], tuple[Any, ...]] = lambda _: (),
    ) -> None:
        self._reader: TypeAdapter[StateT] = TypeAdapter(model)
        self._promote = promote
        self._due_column = [*(promoted or {})].index("due_at") if "due_at" in (promoted or {}) else None
        self._load = _load_sql(table)
        self._save = _save_sql(table, promoted or {})
        self._due = claiming("due_at <= now()", "due_at", table=table, also=", due_at, now()")
        self._next_due = _next_due_sql(table)
        self._put_off = f"update {table} set due_at = $2 where complaint_id = any($1)"  # noqa: S608 (our own table name)

    async def load(self, conn: asyncpg.Connection, ids: Sequence[ComplaintId]) -> dict[ComplaintId, StateT]:
        """All known states in one query; rows stay locked, in id order, until the transaction ends.

        Raises `LostUpdate` when one was written by a transaction with a higher id than ours: the outbox is read in the
        order of transaction ids, so what we said of it now would overtake what was said before.
        """
        rows = await conn.fetch(self._load, sorted(set(ids), key=_BY_INT))
        if any(row[2] for row in rows):
            raise LostUpdate
        read = self._reader.validate_json
        return {row[0]: read(row[1]) for row in rows}

    async def save(self, conn: asyncpg.Connection, states: Sequence[StateT]) -> None:
        """One upsert for all. Raises `LostUpdate` when a row is not at the version it was loaded at."""
        if not states:
            return
        rows = sorted(states, key=lambda state: state.complaint_id.int)
        promoted = list(zip(*(self._promote(state) for state in rows), strict=True))
        written = await conn.fetch(
            self._save,
            [state.complaint_id for state in rows],
            [document(state) for state in rows],
            [state.version for state in rows],
            *(list(column) for column in promoted),
        )
        if len(written) != len(rows):
            raise LostUpdate

    def due_at(self, state: StateT) -> datetime | None:
        """The promoted `due_at`; None where nothing is promoted under that name."""
        return self._promote(state)[self._due_column] if self._due_column is not None else None

    async def next_due(self, conn: asyncpg.Connection) -> float | None:
        """Seconds until the earliest `due_at`, from one end of its index; None where there is none."""
        return await conn.fetchval(self._next_due) if self._due_column is not None else None

    async def due(self, conn: asyncpg.Connection, limit: int) -> list[DueTimer[StateT]]:
        """Claim complaints whose `due_at` has come, the oldest first, as `claim` does."""
        if self._due_column is None:
            return []
        read = self._reader.validate_json
        return [DueTimer(read(row[0]), row[2], row[3]) for row in await conn.fetch(self._due, limit) if not row[1]]

    async def claim(self, conn: asyncpg.Connection, query: str, limit: int, *given: Any) -> list[StateT]:
        """Up to `limit` states by a query from `claiming`; rows that others hold are skipped.

        So is a row written by a transaction with a higher id than ours, for the reason that `load` gives: the next
        round has a higher id still.
        """
        read = self._reader.validate_json
        return [read(row[0]) for row in await conn.fetch(query, limit, *given) if not row[1]]

    async def put_off(self, conn: asyncpg.Connection, ids: Sequence[ComplaintId], now: datetime) -> None:
        """Move timers out of the way for `POSTPONED`."""
        if ids:
            await conn.execute(self._put_off, ids, now + POSTPONED)


def document(state: State) -> str:
    """The JSON that is stored of a state; fields declared with `exclude=True` stay out."""
    return state.__pydantic_serializer__.to_json(state, exclude_none=True, by_alias=True).decode()


def claiming(condition: str, order: str, *, table: str = "complaint", also: str = "") -> str:
    """A query that claims rows in that order until the transaction ends; $1 is how many at most."""
    return (
        f"select state, {_NEWER}{also} from {table} where {condition} "  # noqa: S608
        f"order by {order} limit $1 for no key update skip locked"
    )


# A negative age: written by a transaction that began after ours. (Below the million it is an old row's wrapped id.)
_NEWER = "age(xmin) between -1000000 and -1"


def _load_sql(table: str) -> str:
    return (
        f"select complaint_id, state, {_NEWER} from {table} "  # noqa: S608
        "where complaint_id = any($1) order by complaint_id for update"
    )


def _save_sql(table: str, promoted: Mapping[str, str]) -> str:
    names = ["complaint_id", "state", "version", *promoted]
    types = ["uuid", "text", "integer", *promoted.values()]
    arrays = ", ".join(f"${position}::{kind}[]" for position, kind in enumerate(types, start=1))
    values = ", ".join("state::jsonb" if name == "state" else name for name in names)
    updates = ", ".join(f"{name} = excluded.{name}" for name in names[1:])
    return (
        f"insert into {table} ({', '.join(names)}) select {values} from unnest({arrays}) as given({', '.join(names)}) "  # noqa: S608
        f"on conflict (complaint_id) do update set {updates}, updated_at = now() "
        f"where {table}.version = excluded.version - 1 returning 1"
    )


def _next_due_sql(table: str) -> str:
    return (
        f"select extract(epoch from due_at - clock_timestamp())::float8 from {table} "  # noqa: S608
        "where due_at is not null order by due_at limit 1"
    )
