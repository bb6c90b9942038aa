"""Wait until all submitted complaints are triaged and acknowledged, and count them."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import httpx

from shared.errors import Unavailable

CONCURRENCY = 4
WINDOW_SIZE = 100  # complaints requested in one round
POLL_SECONDS = 0.5  # minimum pause between two rounds
PAUSE_FACTOR = 4  # pause this many times the duration of a round, so that the requests do not slow intake down


@dataclass(slots=True)
class ProcessedCounts:
    """Counts of a submission's complaints, from their public records."""

    submitted: int
    triaged: int = 0
    acknowledged: int = 0

    @property
    def is_complete(self) -> bool:
        """True if all complaints are triaged and acknowledged."""
        return self.submitted == self.triaged == self.acknowledged


async def wait_until_processed(
    client: httpx.AsyncClient, ids: Sequence[str], *, seconds: float, report: Callable[[ProcessedCounts], None]
) -> ProcessedCounts:
    """Request each complaint until it is processed or the time is over; oldest first, a window at a time."""
    distinct = list(dict.fromkeys(ids))
    counts = ProcessedCounts(submitted=len(distinct))
    triaged: set[str] = set()
    clock = asyncio.get_running_loop().time
    deadline = clock() + seconds
    pending = distinct
    while pending and clock() < deadline:
        started_at = clock()
        window, later = pending[:WINDOW_SIZE], pending[WINDOW_SIZE:]
        unfinished = await _check_window(client, window, triaged)
        counts.triaged = len(triaged)
        counts.acknowledged += len(window) - len(unfinished)
        report(counts)
        if unfinished:
            await asyncio.sleep(max(POLL_SECONDS, PAUSE_FACTOR * (clock() - started_at)))
        pending = [*unfinished, *later]
    await _check_window(client, pending, triaged)
    counts.triaged = len(triaged)
    return counts


async def _check_window(client: httpx.AsyncClient, ids: Sequence[str], triaged: set[str]) -> list[str]:
    """Request the complaints once. Return those that are not triaged and acknowledged."""
    slots = asyncio.Semaphore(CONCURRENCY)

    async def is_processed(complaint: str) -> bool:
        async with slots:
            record = await _fetch_record(client, complaint)
        if record.get("understood"):
            triaged.add(complaint)
        return bool(record.get("acknowledged_at")) and complaint in triaged

    results = await asyncio.gather(*map(is_processed, ids))
    return [complaint for complaint, is_done in zip(ids, results, strict=True) if not is_done]


async def _fetch_record(client: httpx.AsyncClient, complaint: str) -> dict[str, object]:
    try:
        response = await client.get(f"/v1/complaints/{complaint}")
    except httpx.TransportError:
        return {}
    if response.status_code in (401, 403):
        raise Unavailable("The token may not read complaints; --wait needs the scope complaints:read.")
    return dict(response.json()) if response.is_success else {}
