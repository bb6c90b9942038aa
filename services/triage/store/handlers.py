"""Number of open cases per handler, in the table `handler`."""

from collections.abc import Mapping

import asyncpg

SELECT_OPEN_CASES = "select handler, open_cases from handler"

# Adds the changes of a transaction to the counts. Sorted, so that two transactions lock the rows in the same order and
# cannot wait for each other.
ADD_OPEN_CASES = """
insert into handler (handler, open_cases)
select handler, change from unnest($1::text[], $2::integer[]) as input(handler, change) order by handler
on conflict (handler) do update set open_cases = handler.open_cases + excluded.open_cases
"""


async def select_open_cases(conn: asyncpg.Connection) -> dict[str, int]:
    """Return the number of open cases per handler id."""
    return {row[0]: row[1] for row in await conn.fetch(SELECT_OPEN_CASES)}


async def add_open_cases(conn: asyncpg.Connection, changes: Mapping[str, int]) -> None:
    """Add `changes`, per handler id, to the stored counts."""
    rows = sorted((handler, change) for handler, change in changes.items() if change)
    if rows:
        await conn.execute(ADD_OPEN_CASES, [handler for handler, _ in rows], [change for _, change in rows])
