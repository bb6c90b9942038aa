"""Waiting until every complaint that was taken is also triaged and acknowledged, and counting them."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import httpx

from shared.errors import Unavailable

AT_ONCE = 4
WINDOW = 100  # complaints looked at in one round
POLL = 0.5  # seconds between rounds at least
SHARE = 4  # rest so many times as long as looking took: who waits must not slow down what it waits for


@dataclass(slots=True)
class Settled:
    """How far the complaints of a run are, as their public records say."""

    asked: int
    triaged: int = 0
    acknowledged: int = 0

    @property
    def agrees(self) -> bool:
        """Whether all counts are the same."""
        return self.asked == self.triaged == self.acknowledged


async def wait_settled(
    client: httpx.AsyncClient, ids: Sequence[str], *, seconds: float, told: Callable[[Settled], None]
) -> Settled:
    """Ask for each complaint until it is settled or the time is over; the oldest first, a window at a time."""
    distinct = list(dict.fromkeys(ids))
    found = Settled(asked=len(distinct))
    triaged: set[str] = set()
    clock = asyncio.get_running_loop().time
    until = clock() + seconds
    pending = distinct
    while pending and clock() < until:
        begun = clock()
        window, later = pending[:WINDOW], pending[WINDOW:]
        still = await _look(client, window, triaged)
        found.triaged = len(triaged)
        found.acknowledged += len(window) - len(still)
        told(found)
        if still:
            await asyncio.sleep(max(POLL, SHARE * (clock() - begun)))
        pending = [*still, *later]
    await _look(client, pending, triaged)
    found.triaged = len(triaged)
    return found


async def _look(client: httpx.AsyncClient, ids: Sequence[str], triaged: set[str]) -> list[str]:
    """One round; returns those without acknowledgement."""
    room = asyncio.Semaphore(AT_ONCE)

    async def one(complaint: str) -> bool:
        async with room:
            record = await _record(client, complaint)
        if record.get("understood"):
            triaged.add(complaint)
        return bool(record.get("acknowledged_at")) and complaint in triaged

    done = await asyncio.gather(*map(one, ids))
    return [complaint for complaint, is_done in zip(ids, done, strict=True) if not is_done]


async def _record(client: httpx.AsyncClient, complaint: str) -> dict[str, object]:
    try:
        response = await client.get(f"/v1/complaints/{complaint}")
    except httpx.TransportError:
        return {}
    if response.status_code in (401, 403):
        raise Unavailable("The token may not read complaints; --wait needs the scope complaints:read.")
    return dict(response.json()) if response.is_success else {}
