"""Jobs of the other schedulers: their schemas, a million jobs for next year, and jobs that become due in a measurement.

Jobs are inserted into their tables directly, with the triggers off for the million: these would only write a history
row for each job, and notify a worker that does not run yet.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

import psycopg

EFFECT = """
drop table if exists effect;
create table effect (n bigint generated always as identity, due_at timestamptz not null);
"""
PROCRASTINATE = """
insert into procrastinate_jobs (queue_name, task_name, args, scheduled_at)
select 'timers', 'fire', jsonb_build_object('due_at', at), at from ({moments}) as moment(at)
"""
PGQUEUER = """
insert into pgqueuer (priority, status, entrypoint, payload, execute_after)
select 0, 'queued', 'fire', convert_to(at::text, 'UTF8'), at from ({moments}) as moment(at)
"""
FAR = "select now() + interval '400 days' + n * interval '7 seconds' from generate_series(1, {count}) n"
TABLES = {"procrastinate": "procrastinate_jobs", "pgqueuer": "pgqueuer"}
INSERTS = {"procrastinate": PROCRASTINATE, "pgqueuer": PGQUEUER}


def install(name: str, dsn: str) -> None:
    """Create the schema of the scheduler, and the table of effects."""
    asyncio.run(_SCHEMAS[name](dsn))
    with psycopg.connect(dsn, autocommit=True) as conn:
        conn.execute(EFFECT)


def store(name: str, dsn: str, count: int) -> None:
    """Store `count` jobs that are not due for a long time."""
    table, insert = TABLES[name], INSERTS[name]
    with psycopg.connect(dsn, autocommit=True) as conn:
        conn.execute(f"alter table {table} disable trigger user")
        conn.execute(insert.format(moments=FAR.format(count=count)))
        conn.execute(f"alter table {table} enable trigger user")
        conn.execute(f"vacuum analyze {table}")


def plan(name: str, dsn: str, moments: Sequence[datetime]) -> None:
    """Store jobs for these times; delete the effects of the jobs before."""
    with psycopg.connect(dsn, autocommit=True) as conn:
        conn.execute("truncate effect")
        conn.execute(INSERTS[name].format(moments="select unnest(%s::timestamptz[])"), [list(moments)])
        conn.execute(f"vacuum analyze {TABLES[name]}")


async def _procrastinate(dsn: str) -> None:
    from procrastinate import App, PsycopgConnector

    app = App(connector=PsycopgConnector(conninfo=dsn))
    async with app.open_async():
        await app.schema_manager.apply_schema_async()


async def _pgqueuer(dsn: str) -> None:
    import asyncpg
    from pgqueuer.db import AsyncpgDriver
    from pgqueuer.queries import Queries

    conn = await asyncpg.connect(dsn)
    try:
        await Queries(AsyncpgDriver(conn)).install()
    finally:
        await conn.close()


_SCHEMAS: Mapping[str, Callable[..., object]] = {"procrastinate": _procrastinate, "pgqueuer": _pgqueuer}
