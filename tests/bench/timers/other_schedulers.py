"""Workers of other schedulers on PostgreSQL, each with its best documented settings: `... other_schedulers NAME DSN`.

The handler of a job writes one row to `effect`, the smallest comparable work. Both deliver at least once: effect and
"done" are two transactions. In Redress they are one.
"""

import asyncio
import logging
import sys
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta

import asyncpg
import uvloop

EFFECT = "insert into effect (due_at) values ($1)"
CONNECTIONS = 20
# Found by trying: one process and ten, twenty and fifty jobs at once came out alike, two processes slower on two cores.
JOBS_AT_ONCE = 20
# Scheduled jobs do not notify when they become due, so this is the resolution of its clock; its default is 5 s.
POLLING_SECONDS = 0.05
BATCH = 100  # of pgqueuer, whose default is 10


async def procrastinate(dsn: str) -> None:
    """Run procrastinate: concurrent jobs, LISTEN/NOTIFY, a short polling interval; done jobs are deleted."""
    from procrastinate import App, PsycopgConnector

    pool = await asyncpg.create_pool(dsn, min_size=2, max_size=CONNECTIONS)
    app = App(connector=PsycopgConnector(conninfo=dsn, min_size=4, max_size=CONNECTIONS))

    @app.task(name="fire", queue="timers")
    async def fire(due_at: str) -> None:
        await pool.execute(EFFECT, datetime.fromisoformat(due_at))

    async with app.open_async():
        print_ready()
        await app.run_worker_async(
            queues=["timers"],
            concurrency=JOBS_AT_ONCE,
            wait=True,
            fetch_job_polling_interval=POLLING_SECONDS,
            listen_notify=True,
            delete_jobs="always",
        )


async def pgqueuer(dsn: str) -> None:
    """Run pgqueuer with a pool and batches of ten times its default; it sleeps until the next job is due, or 0.1 s."""
    from pgqueuer import PgQueuer
    from pgqueuer.models import Job

    pool = await asyncpg.create_pool(dsn, min_size=4, max_size=CONNECTIONS)
    queue = PgQueuer.from_asyncpg_pool(pool)

    @queue.entrypoint("fire")
    async def fire(job: Job) -> None:
        await pool.execute(EFFECT, datetime.fromisoformat((job.payload or b"").decode()))

    print_ready()
    await queue.run(batch_size=BATCH, dequeue_timeout=timedelta(seconds=1))


def print_ready() -> None:
    """Write `ready` to standard output; the benchmark waits for it."""
    sys.stdout.write("ready\n")
    sys.stdout.flush()


WORKERS: Mapping[str, Callable[[str], Awaitable[None]]] = {"procrastinate": procrastinate, "pgqueuer": pgqueuer}


def main() -> None:
    """Run the worker until a signal."""
    logging.disable(logging.INFO)  # one log line per job would slow them down
    name, dsn = sys.argv[1:]
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(WORKERS[name](dsn))


if __name__ == "__main__":
    main()
