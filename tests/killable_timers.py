"""Process with the toy's timers that restarts whenever it is killed: `python -m tests.killable_timers DSN`.

Everything is imported before the first fork, so that a restart takes milliseconds and a test can kill it twenty times.
Prints the process id after each start.
"""

import asyncio
import os
import sys
from pathlib import Path

from shared.ops.metrics import Metrics
from shared.runner.runner import Runner
from shared.runner.timers import Timers
from shared.storage import postgres
from tests.factories import settings
from tests.toy import toy


async def run_timers(dsn: str) -> None:
    """Fire due timers in small batches, so that a kill is likely to interrupt a transaction."""
    chosen = settings(dsn, Path("unused"), tick_batch=5, tick_flights=2)
    pool = await postgres.connect(chosen, "toy")
    runner = Runner(toy(), pool=lambda: pool, settings=chosen, metrics=Metrics())
    await Timers(runner, chosen).run(asyncio.Event())


def main() -> None:
    """Restart the child whenever it is killed, until it exits by itself."""
    killed = True
    while killed:
        child = os.fork()
        if child == 0:
            asyncio.run(run_timers(sys.argv[1]))
            os._exit(0)
        sys.stdout.write(f"{child}\n")
        sys.stdout.flush()
        killed = os.WIFSIGNALED(os.waitpid(child, 0)[1])


if __name__ == "__main__":
    main()
