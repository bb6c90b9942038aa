"""Scenario of one sample: file it, wait for the acknowledgement, run its steps, and check the result."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx
from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_delay, wait_exponential_jitter

from deploy.cli.problems import read_body
from deploy.demo.expectations import ObservedComplaint, find_differences, find_missing, parse_messages
from deploy.demo.progress import ComplaintProgress, parse_steps
from deploy.demo.samples import Action, Sample
from shared.errors import RedressError, Unavailable

POLL_SECONDS = 0.6  # between two requests for one complaint
TIMEOUT_SECONDS = 120.0  # for the messages of one step
COMPLAINTS = "/v1/complaints"
PATHS: dict[Action, str] = {
    "progress": "progress",
    "message": "messages",
    "resolution": "resolution",
    "reopen": "reopen",
    "withdraw": "withdraw",
}


@dataclass(frozen=True, slots=True)
class DemoContext:
    """Context of all scenarios: APIs of intake and mailbox (None without one), name of the run, request slots."""

    intake: httpx.AsyncClient
    mailbox: httpx.AsyncClient | None
    run: str
    slots: asyncio.Semaphore
    changed: Callable[[ComplaintProgress], None]
    timeout: float = TIMEOUT_SECONDS

    async def request(self, method: str, path: str, **options: Any) -> Any:
        """Send one request to intake, repeated while it is unavailable. Raises the error of a problem document."""
        attempts = AsyncRetrying(
            retry=retry_if_exception_type((httpx.TransportError, Unavailable)),
            wait=wait_exponential_jitter(multiplier=0.2, max=5),
            stop=stop_after_delay(self.timeout),
            reraise=True,
        )
        async for attempt in attempts:
            with attempt:
                async with self.slots:
                    return read_body("intake", await self.intake.request(method, path, **options))
        raise AssertionError  # tenacity either returns or raises


class Scenario:
    """Scenario of one sample; `progress` is shown by the live table."""

    def __init__(self, sample: Sample, context: DemoContext) -> None:
        self.sample = sample
        self.progress = ComplaintProgress(sample.id, sample.lang)
        self._context = context
        self.body: dict[str, Any] = {}

    async def file(self) -> None:
        """File the complaint with an idempotency key of this run."""
        key = f"demo-{self._context.run}-{self.sample.id}"
        self.body = self.sample.body(datetime.now(UTC))
        response = await self._send(COMPLAINTS, self.body, key)
        self.progress.complaint_id, self.progress.reference = response["id"], response["reference"]
        self.progress.status, self.progress.steps = response["status"], ("received",)
        self._context.changed(self.progress)

    async def file_again(self, original: "Scenario") -> None:
        """Send the request of `original` again with its key; the response must be the same complaint."""
        key = f"demo-{self._context.run}-{original.sample.id}"
        response = await self._send(COMPLAINTS, original.body, key)
        if response["id"] != original.progress.complaint_id:
            original.progress.problems.append("sent twice with one key, it was filed as two complaints")

    async def run_steps(self) -> None:
        """Run everything after the filing. Problems are added to `progress`, so that the other scenarios continue."""
        try:
            await self._wait_for_messages(["acknowledgement"])
            expected = ["acknowledgement"]
            for number, step in enumerate(self.sample.script, start=1):
                path = f"{COMPLAINTS}/{self.progress.complaint_id}/{PATHS[step.do]}"
                await self._send(
                    path, step.body(datetime.now(UTC)), f"demo-{self._context.run}-{self.sample.id}-{number}"
                )
                expected += step.expected_messages()
                await self._wait_for_messages(expected)
            await self._check()
        except RedressError as error:
            self.progress.problems.append(error.detail)
        except httpx.HTTPError as error:
            self.progress.problems.append(f"intake did not answer ({type(error).__name__})")
        self.progress.done = True
        self._context.changed(self.progress)

    async def _wait_for_messages(self, expected: list[str]) -> None:
        """Poll until the timeline has these messages or the time is over; the final check reports missing ones."""
        deadline = asyncio.get_running_loop().time() + self._context.timeout
        while True:
            await self._update_progress()
            if not find_missing(expected, self.progress.messages) or asyncio.get_running_loop().time() > deadline:
                return
            await asyncio.sleep(POLL_SECONDS)

    async def _update_progress(self) -> None:
        path = f"{COMPLAINTS}/{self.progress.complaint_id}"
        timeline = (await self._context.request("GET", f"{path}/timeline"))["entries"]
        steps = parse_steps(timeline)
        if steps != self.progress.steps:
            self.progress.update(await self._context.request("GET", path))
        self.progress.steps, self.progress.messages = steps, parse_messages(timeline)
        self._context.changed(self.progress)

    async def _check(self) -> None:
        record = await self._context.request("GET", f"{COMPLAINTS}/{self.progress.complaint_id}")
        self.progress.update(record)
        mails, doubled = await self._mails()
        if self.sample.expect is not None:
            observed = ObservedComplaint(self.progress.status, self.progress.messages, mails, doubled)
            self.progress.problems += find_differences(self.sample.expect, observed)

    async def _mails(self) -> tuple[int | None, int]:
        """Return the number of mails about this complaint in the mailbox, and of mails that arrived more than once."""
        if self._context.mailbox is None:
            return None, 0
        query: dict[str, str | int] = {"to": self.sample.email, "q": self.progress.reference, "limit": 1000}
        async with self._context.slots:
            response = await self._context.mailbox.get("/api/messages", params=query)
        messages = read_body("mailbox", response)["messages"]
        return len({mail["message_id"] for mail in messages}), sum(mail["copies"] > 1 for mail in messages)

    async def _send(self, path: str, body: dict[str, Any], key: str) -> Any:
        return await self._context.request("POST", path, json=body, headers={"idempotency-key": key})
