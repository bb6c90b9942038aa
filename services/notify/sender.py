"""The worker that hands messages over: claim, print, send, record.

The attempt is committed before the provider is called, so a crash leaves a claim that runs out, and what was in flight
is then honestly `uncertain`. The result goes through `decide` like everything else. Once a provider has taken a
message, nothing here sends it again: only recording is retried.
"""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final, Protocol
from uuid import UUID

import asyncpg

from services.notify.channels.interface import Channel, DeliveryReport, OutgoingMessage
from services.notify.domain import AttemptFinished
from services.notify.settings import Settings
from services.notify.store import states
from services.notify.store.states import ClaimedMessage
from services.notify.templates import RenderedMessage, Renderer
from shared.errors import Rejected
from shared.ops.health import Health
from shared.ops.metrics import Metrics
from shared.retry import is_transient, retry_transient
from shared.runner.types import Command

log = logging.getLogger(__name__)
JITTER: Final = (0.8, 1.2)
SWEEP_SECONDS: Final = 5.0
PAUSES: Final = (0.0, 1.0, 2.0, 5.0, 10.0, 15.0)  # seconds of rest after so many rounds without a connection
BREATH: Final = 0.01  # seconds between two claims while mail is in flight, so that commits become one claim, not many


class SenderRuntime(Protocol):
    """What the sender needs of the runtime."""

    health: Health
    metrics: Metrics

    @property
    def pool(self) -> asyncpg.Pool: ...

    def submit(self, command: Command) -> Awaitable[Any]: ...

    def on_commit(self, callback: Callable[[], None]) -> None: ...


class SendLoop:
    """Sends for one process. `run_once` takes one batch to its end; `run` keeps the line busy."""

    def __init__(self, desk: SenderRuntime, settings: Settings, channel: Channel, printer: Renderer) -> None:
        self._desk = desk
        self._settings = settings
        self._channel = channel
        self._printer = printer
        self._wake = asyncio.Event()
        self._flying: set[asyncio.Task[None]] = set()
        self._held: set[UUID] = set()  # what this process is working on, so that it never calls itself dead
        self._is_down = False  # the last attempt found no connection
        self._rounds_down = 0
        desk.on_commit(self._wake.set)

    async def run_once(self) -> int:
        """Claim one batch and see it through. Returns how many messages were attempted."""
        claimed = await states.claim(self._desk.pool, self._settings.send_in_flight, self._settings.lease)
        await asyncio.gather(*(self._deliver(message) for message in claimed))
        return len(claimed)

    async def sweep(self) -> int:
        """Declare abandoned claims uncertain. Returns how many there were."""
        abandoned = [m for m in await states.find_expired(self._desk.pool, 500) if m.message_id not in self._held]
        lost = DeliveryReport("uncertain", "lease_expired")
        await asyncio.gather(*(self._record(message, lost) for message in abandoned))
        return len(abandoned)

    async def run(self, stopping: asyncio.Event) -> None:
        """Until `stopping`; then finish what is in flight and let the connections go."""
        stop = asyncio.create_task(stopping.wait())
        stop.add_done_callback(lambda _: self._wake.set())
        loop = asyncio.get_running_loop()
        swept = 0.0
        try:
            while not stopping.is_set():
                if loop.time() - swept >= SWEEP_SECONDS:
                    swept = loop.time()
                    await self.sweep()
                await self._fill()
                await self._rest(stopping)
        finally:
            stop.cancel()
            await asyncio.gather(*self._flying, return_exceptions=True)
            await self._channel.close()

    async def _fill(self) -> None:
        """Claim as long as there is something to claim and room for it."""
        self._wake.clear()
        limit = self._settings.send_in_flight
        room = limit - len(self._flying)
        while room * 2 >= limit:
            claimed = await states.claim(self._desk.pool, room, self._settings.lease)
            for message in claimed:
                task = asyncio.create_task(self._deliver(message))
                self._flying.add(task)
                task.add_done_callback(self._landed)
            if len(claimed) < room:
                return  # what becomes ready later comes with a commit
            room = limit - len(self._flying)

    def _landed(self, task: "asyncio.Task[None]") -> None:
        self._flying.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("a message could not be recorded; its claim will run out", exc_info=task.exception())
        if len(self._flying) * 2 <= self._settings.send_in_flight:
            self._wake.set()

    async def _rest(self, stopping: asyncio.Event) -> None:
        """Wait to be woken; while the mail server is away, wait longer and leave the attempts unspent."""
        self._rounds_down = self._rounds_down + 1 if self._is_down else 0
        self._is_down = False
        pause = PAUSES[min(self._rounds_down, len(PAUSES) - 1)] or (BREATH if self._flying else 0.0)
        if pause:
            with suppress(TimeoutError):
                await asyncio.wait_for(stopping.wait(), pause)
        with suppress(TimeoutError):
            await asyncio.wait_for(self._wake.wait(), self._settings.send_poll_ms / 1000)

    async def _deliver(self, message: ClaimedMessage) -> None:
        self._held.add(message.message_id)
        try:
            await self._record(*await self._attempt(message))
        finally:
            self._held.discard(message.message_id)

    async def _attempt(self, message: ClaimedMessage) -> tuple[ClaimedMessage, DeliveryReport]:
        """Print and send. A letter that may not leave is refused for good, one that breaks our printer is not."""
        try:
            letter = self._printer.print(message.kind, message.content, message.locale)
        except Rejected as refusal:
            log.warning("a message is incomplete: %s", refusal.detail, extra={"message_id": str(message.message_id)})
            return message, DeliveryReport("failed_permanent", "incomplete")
        except Exception:
            log.exception("a message could not be printed", extra={"message_id": str(message.message_id)})
            return message, DeliveryReport("failed_transient", "not_printed")
        written = replace(message, written_in=letter.locale, template=letter.template)
        report = await self._channel.send(self._outgoing(message, letter))
        self._note(written, report)
        return written, report

    def _outgoing(self, message: ClaimedMessage, letter: RenderedMessage) -> OutgoingMessage:
        domain = self._settings.sender_address.rpartition("@")[2]
        return OutgoingMessage(
            message_id=f"{message.message_id}@{domain}",
            to=message.address,
            subject=letter.subject,
            html=letter.html,
            text=letter.text,
            language=letter.locale,
        )

    def _note(self, message: ClaimedMessage, report: DeliveryReport) -> None:
        """Health, and how long the customer of an acknowledgement waited."""
        if report.code.endswith("connect"):
            self._is_down = True
            self._desk.health.sick("smtp", f"cannot hand mail over: {report.code}")
        else:
            self._is_down = False
            self._desk.health.well("smtp")
        if report.outcome == "sent" and message.kind == "acknowledgement":
            waited = (datetime.now(UTC) - message.caused_at).total_seconds()
            self._desk.metrics.observe("redress_acknowledged_seconds", max(waited, 0.0))

    async def _record(self, message: ClaimedMessage, report: DeliveryReport) -> None:
        """Have the attempt recorded, however long the database is away; a refusal is final."""
        command = AttemptFinished(
            complaint_id=message.complaint_id,
            message_id=message.message_id,
            intent=message.intent,
            attempt=message.attempt,
            outcome=report.outcome,
            code=report.code,
            locale=message.written_in or message.locale,
            template=message.template,
            states_promise=message.states_promise,
            jitter=random.uniform(*JITTER),  # noqa: S311 (spreads load, keeps no secret)
        )
        try:
            await self._submit(command)
        except Rejected as refusal:
            log.warning("an attempt was refused: %s", refusal.detail, extra={"message_id": str(message.message_id)})

    async def _submit(self, command: AttemptFinished) -> None:
        """Once, as nearly always; patience is only built where it is needed."""
        try:
            await self._desk.submit(command)
        except Exception as error:
            if not is_transient(error):
                raise
            async for attempt in retry_transient():
                with attempt:
                    await self._desk.submit(command)
