"""`python -m tests.faults.load`: files complaints and states facts at a steady rate, as several clients would.

What is not known to be done is asked again under the same key, as a careful client does. SIGTERM: no new complaints;
what was begun is finished first.
"""

import argparse
import asyncio
import os
import signal
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx

from tests.faults.request_log import UNKNOWN, Pen

SCRIPTS = (
    (),
    ("progress",),
    ("resolution",),
    ("progress", "resolution", "reopen", "resolution"),
    ("withdraw",),
    ("resolution", "reopen"),
)
BODIES: dict[str, dict[str, Any]] = {
    "progress": {"state": "investigating", "note": "We have asked the carrier."},
    "resolution": {"outcome": "upheld", "explanation": "You are right. A new one is on its way."},
    "reopen": {"by": "customer", "reason": "The new one is broken as well."},
    "withdraw": {"reason": "It works after all."},
}
STORIES = (
    ("en", "The parcel came late and the kettle in it is broken."),
    ("id", "Paket saya datang terlambat dan barangnya rusak."),
    ("nb", "Pakken kom for sent, og kjelen er ødelagt."),
    ("en", "You charged my card twice for one order. I want a refund."),
)
PAUSES = (0.1, 0.2, 0.5, 1.0, 2.0)  # seconds before it is asked again


class Load:
    """Many clients in one process."""

    def __init__(self, http: httpx.AsyncClient, pen: Pen, name: str) -> None:
        self._http, self._pen, self._name = http, pen, name
        self.stopping = asyncio.Event()

    async def run(self, rate: float, patience: float) -> None:
        """Until `stopping`; then at most `patience` seconds for what was begun."""
        begun: set[asyncio.Task[None]] = set()
        number = 0
        while not self.stopping.is_set():
            number += 1
            task = asyncio.create_task(self._complaint(number))
            begun.add(task)
            task.add_done_callback(begun.discard)
            with suppress(TimeoutError):
                await asyncio.wait_for(self.stopping.wait(), 1 / rate)
        if begun:
            await asyncio.wait(begun, timeout=patience)

    async def _complaint(self, number: int) -> None:
        key = f"{self._name}-{number}"
        answer = await self._ask(key, key, "file", "/v1/complaints", complaint(number, key))
        if answer is None:
            return
        for turn, deed in enumerate(SCRIPTS[number % len(SCRIPTS)]):
            path = f"/v1/complaints/{answer['id']}/{deed}"
            if await self._ask(f"{key}-{turn}", key, deed, path, BODIES[deed]) is None:
                return

    async def _ask(self, key: str, complaint: str, deed: str, path: str, body: dict[str, Any]) -> dict[str, Any] | None:
        """The answer once it is known; None when it was refused."""
        turn = 0
        while True:
            number = await asyncio.to_thread(self._pen.intend, key, complaint, deed)
            status, answer = await self._post(path, body, key)
            self._pen.answer(number, status, answer)
            if status not in UNKNOWN:
                return answer if status == 201 else None
            await asyncio.sleep(PAUSES[min(turn, len(PAUSES) - 1)])
            turn += 1

    async def _post(self, path: str, body: dict[str, Any], key: str) -> tuple[int | None, dict[str, Any]]:
        try:
            answer = await self._http.post(path, json=body, headers={"idempotency-key": key})
            return answer.status_code, answer.json()
        except (httpx.HTTPError, ValueError):
            return None, {}


def complaint(number: int, key: str) -> dict[str, Any]:
    """One in seven can only be reached by phone, so that suppressed messages occur."""
    locale, words = STORIES[number % len(STORIES)]
    contact = {"phone": "+6281234567890"} if number % 7 == 6 else {"email": f"{key}@example.org"}
    return {
        "customer": {"name": f"Customer {number}", "locale": locale, "timezone": "Asia/Jakarta", **contact},
        "channel": "web",
        "subject": f"Kettle {key}",
        "narrative": words,
    }


async def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--url", required=True)
    parser.add_argument("--ledger", type=Path, required=True)
    parser.add_argument("--name", required=True)
    parser.add_argument("--rate", type=float, default=10.0)
    parser.add_argument("--patience", type=float, default=60.0)
    arguments = parser.parse_args()
    headers = {"authorization": f"Bearer {os.environ['LOAD_TOKEN']}"}
    async with httpx.AsyncClient(base_url=arguments.url, headers=headers, timeout=10, trust_env=False) as http:
        pen = Pen(arguments.ledger)
        load = Load(http, pen, arguments.name)
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, load.stopping.set)
        await load.run(arguments.rate, arguments.patience)
        pen.close()


if __name__ == "__main__":
    asyncio.run(main())
