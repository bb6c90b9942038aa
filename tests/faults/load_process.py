"""Load for fault tests, `python -m tests.faults.load_process`: files and updates complaints at a steady rate.

A request with an unknown outcome is repeated with the same idempotency key. After SIGTERM the process files no new
complaints, finishes the updates of those that it filed, and exits.
"""

import argparse
import asyncio
import os
import signal
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx

from tests.faults.request_log import UNKNOWN_STATUSES, RequestLogWriter

UPDATE_SEQUENCES = (
    (),
    ("progress",),
    ("resolution",),
    ("progress", "resolution", "reopen", "resolution"),
    ("withdraw",),
    ("resolution", "reopen"),
)
UPDATE_BODIES: dict[str, dict[str, Any]] = {
    "progress": {"state": "investigating", "note": "We have asked the carrier."},
    "resolution": {"outcome": "upheld", "explanation": "You are right. A new one is on its way."},
    "reopen": {"by": "customer", "reason": "The new one is broken as well."},
    "withdraw": {"reason": "It works after all."},
}
NARRATIVES = (
    ("en", "The parcel came late and the kettle in it is broken."),
    ("id", "Paket saya datang terlambat dan barangnya rusak."),
    ("nb", "Pakken kom for sent, og kjelen er ødelagt."),
    ("en", "You charged my card twice for one order. I want a refund."),
)
RETRY_PAUSES = (0.1, 0.2, 0.5, 1.0, 2.0)  # seconds before a request is repeated


class LoadGenerator:
    """Client that files and updates complaints concurrently."""

    def __init__(self, http: httpx.AsyncClient, log: RequestLogWriter, name: str) -> None:
        self._http, self._log, self._name = http, log, name
        self.stopping = asyncio.Event()

    async def run(self, rate: float, patience: float) -> None:
        """File complaints until `stopping` is set; then wait at most `patience` seconds for their updates."""
        tasks: set[asyncio.Task[None]] = set()
        number = 0
        while not self.stopping.is_set():
            number += 1
            task = asyncio.create_task(self._run_complaint(number))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
            with suppress(TimeoutError):
                await asyncio.wait_for(self.stopping.wait(), 1 / rate)
        if tasks:
            await asyncio.wait(tasks, timeout=patience)

    async def _run_complaint(self, number: int) -> None:
        key = f"{self._name}-{number}"
        answer = await self._request(key, key, "file", "/v1/complaints", build_complaint(number, key))
        if answer is None:
            return
        for turn, operation in enumerate(UPDATE_SEQUENCES[number % len(UPDATE_SEQUENCES)]):
            path = f"/v1/complaints/{answer['id']}/{operation}"
            if await self._request(f"{key}-{turn}", key, operation, path, UPDATE_BODIES[operation]) is None:
                return

    async def _request(
        self, key: str, complaint: str, operation: str, path: str, body: dict[str, Any]
    ) -> dict[str, Any] | None:
        """Send a request until its outcome is known; return the response, or None if it was refused."""
        turn = 0
        while True:
            number = await asyncio.to_thread(self._log.record_request, key, complaint, operation)
            status, answer = await self._post(path, body, key)
            self._log.record_response(number, status, answer)
            if status not in UNKNOWN_STATUSES:
                return answer if status == 201 else None
            await asyncio.sleep(RETRY_PAUSES[min(turn, len(RETRY_PAUSES) - 1)])
            turn += 1

    async def _post(self, path: str, body: dict[str, Any], key: str) -> tuple[int | None, dict[str, Any]]:
        try:
            answer = await self._http.post(path, json=body, headers={"idempotency-key": key})
            return answer.status_code, answer.json()
        except (httpx.HTTPError, ValueError):
            return None, {}


def build_complaint(number: int, key: str) -> dict[str, Any]:
    """Build a complaint; in one of seven the customer has no email address, so that suppressed messages occur."""
    locale, words = NARRATIVES[number % len(NARRATIVES)]
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
    parser.add_argument("--log", type=Path, required=True)
    parser.add_argument("--name", required=True)
    parser.add_argument("--rate", type=float, default=10.0)
    parser.add_argument("--patience", type=float, default=60.0)
    arguments = parser.parse_args()
    headers = {"authorization": f"Bearer {os.environ['LOAD_TOKEN']}"}
    async with httpx.AsyncClient(base_url=arguments.url, headers=headers, timeout=10, trust_env=False) as http:
        log = RequestLogWriter(arguments.log)
        load = LoadGenerator(http, log, arguments.name)
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, load.stopping.set)
        await load.run(arguments.rate, arguments.patience)
        log.close()


if __name__ == "__main__":
    asyncio.run(main())
