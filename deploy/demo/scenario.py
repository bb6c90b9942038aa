"""One sample from filing to its last message: file, wait for the acknowledgement, state what the script says, check."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx
from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_delay, wait_exponential_jitter

from deploy.demo.expectations import Seen, differences, messages_of, missing_messages
from deploy.demo.progress import ComplaintProgress, stations
from deploy.demo.samples import Deed, Sample
from shared.errors import Rejected, Unavailable

POLL = 0.6  # seconds between looks at one complaint
PATIENCE = 120.0  # seconds for one step's messages
COMPLAINTS = "/v1/complaints"
PATHS: dict[Deed, str] = {
    "progress": "progress",
    "message": "messages",
    "resolution": "resolution",
    "reopen": "reopen",
    "withdraw": "withdraw",
}


@dataclass(frozen=True, slots=True)
class DemoContext:
    """What journeys share: the intake API, the mailbox's (None where there is none), this run's name, room to ask."""

    intake: httpx.AsyncClient
    mailbox: httpx.AsyncClient | None
    run: str
    room: asyncio.Semaphore
    changed: Callable[[ComplaintProgress], None]
    patience: float = PATIENCE

    async def ask(self, method: str, path: str, **given: Any) -> Any:
        """One request to intake; tried again while it is away. Raises `Rejected` with the problem's sentence."""
        attempts = AsyncRetrying(
            retry=retry_if_exception_type((httpx.TransportError, Unavailable)),
            wait=wait_exponential_jitter(multiplier=0.2, max=5),
            stop=stop_after_delay(self.patience),
            reraise=True,
        )
        async for attempt in attempts:
            with attempt:
                async with self.room:
                    return _judged(await self.intake.request(method, path, **given))
        raise AssertionError  # tenacity either returns or raises


class Scenario:
    """The way of one sample; `trail` is what a watcher sees."""

    def __init__(self, sample: Sample, world: DemoContext) -> None:
        self.sample = sample
        self.trail = ComplaintProgress(sample.id, sample.lang)
        self._world = world
        self.body: dict[str, Any] = {}

    async def file(self) -> None:
        """File it, under a key of its own in this run."""
        key = f"demo-{self._world.run}-{self.sample.id}"
        self.body = self.sample.body(datetime.now(UTC))
        told = await self._send(COMPLAINTS, self.body, key)
        self.trail.complaint_id, self.trail.reference = told["id"], told["reference"]
        self.trail.status, self.trail.stations = told["status"], ("received",)
        self._world.changed(self.trail)

    async def file_again(self, original: "Scenario") -> None:
        """Send the original's bytes under its key once more; the same complaint must come back."""
        key = f"demo-{self._world.run}-{original.sample.id}"
        told = await self._send(COMPLAINTS, original.body, key)
        if told["id"] != original.trail.complaint_id:
            original.trail.problems.append("sent twice under one key, it became two complaints")

    async def go(self) -> None:
        """Everything after filing. What goes wrong is noted in the trail, so that the other journeys go on."""
        try:
            await self._until(["acknowledgement"])
            wanted = ["acknowledgement"]
            for number, step in enumerate(self.sample.script, start=1):
                path = f"{COMPLAINTS}/{self.trail.complaint_id}/{PATHS[step.do]}"
                await self._send(
                    path, step.body(datetime.now(UTC)), f"demo-{self._world.run}-{self.sample.id}-{number}"
                )
                wanted += step.brings()
                await self._until(wanted)
            await self._check()
        except (Rejected, Unavailable) as error:
            self.trail.problems.append(error.detail)
        except httpx.HTTPError as error:
            self.trail.problems.append(f"intake did not answer ({type(error).__name__})")
        self.trail.done = True
        self._world.changed(self.trail)

    async def _until(self, wanted: list[str]) -> None:
        """Look until the timeline has these messages or patience is over; the last check says what is missing."""
        until = asyncio.get_running_loop().time() + self._world.patience
        while True:
            await self._look()
            if not missing_messages(wanted, self.trail.messages) or asyncio.get_running_loop().time() > until:
                return
            await asyncio.sleep(POLL)

    async def _look(self) -> None:
        path = f"{COMPLAINTS}/{self.trail.complaint_id}"
        story = (await self._world.ask("GET", f"{path}/timeline"))["entries"]
        way = stations(story)
        if way != self.trail.stations:
            self.trail.learn(await self._world.ask("GET", path))
        self.trail.stations, self.trail.messages = way, messages_of(story)
        self._world.changed(self.trail)

    async def _check(self) -> None:
        record = await self._world.ask("GET", f"{COMPLAINTS}/{self.trail.complaint_id}")
        self.trail.learn(record)
        mails, doubled = await self._mails()
        if self.sample.expect is not None:
            seen = Seen(self.trail.status, self.trail.messages, mails, doubled)
            self.trail.problems += differences(self.sample.expect, seen)

    async def _mails(self) -> tuple[int | None, int]:
        """How many mails about this complaint its customer has, and how many of them arrived more than once."""
        if self._world.mailbox is None:
            return None, 0
        query: dict[str, str | int] = {"to": self.sample.email, "q": self.trail.reference, "limit": 1000}
        async with self._world.room:
            answer = await self._world.mailbox.get("/api/messages", params=query)
        if not answer.is_success:
            raise Unavailable(f"the mailbox says {answer.status_code}")
        found = answer.json()["messages"]
        return len({mail["message_id"] for mail in found}), sum(mail["copies"] > 1 for mail in found)

    async def _send(self, path: str, body: dict[str, Any], key: str) -> Any:
        return await self._world.ask("POST", path, json=body, headers={"idempotency-key": key})


def _judged(response: httpx.Response) -> Any:
    if response.is_success:
        return response.json()
    if response.status_code >= 500 or response.status_code == 429:
        raise Unavailable(f"intake says {response.status_code}")
    try:
        detail = response.json()["detail"]
    except (ValueError, KeyError):
        detail = f"status {response.status_code}"
    raise Rejected(f"intake refused: {detail}")
