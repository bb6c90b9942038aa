"""Process that recomputes open complaints one by one, for tests that kill it: `python -m tests.killable_recompute DSN KEY`."""

import asyncio
import sys
from pathlib import Path

from services.sla.app import build
from services.sla.settings import Settings
from services.sla.workers.recompute import RecomputeWorker
from shared.storage.postgres import connect


async def run_recompute(dsn: str, public_key: Path) -> None:
    """Run the worker once."""
    chosen = Settings(postgres=dsn, auth_public_key_file=public_key, kafka="127.0.0.1:1")  # type: ignore[arg-type]
    runtime = build(chosen).runtime
    runtime.set_pool(await connect(chosen, "sla"))
    await RecomputeWorker(batch=1, flights=1).run_once(runtime)
    await runtime.close()


if __name__ == "__main__":
    asyncio.run(run_recompute(sys.argv[1], Path(sys.argv[2])))
