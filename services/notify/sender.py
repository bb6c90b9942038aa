"""Worker that sends messages: claim, render, send, record.

Claim and lease. A claim is committed before the provider is called, and lasts for `lease_seconds`. While it lasts, no
other process sends the message. If this process dies, the lease expires, and
`record_expired_leases` of any process records the attempt.

Uncertain. An attempt is `uncertain` if the provider may have taken the message although no reply says so: the process
died after the claim, or the connection failed after the message was transmitted. `handle` in the domain decides whether
such a message is sent again.

After a provider has taken a message, this worker never sends it again; only recording the result is retried. The result
is recorded by a command, so the status of the message, the state and the published event are one transaction.
"""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final, Protocol
from uuid import UUID

import asyncpg

from services.notify.channels.interface import Channel, DeliveryReport, OutgoingMessage
from services.notify.domain import AttemptFinished
from services.notify.settings import Settings
from services.notify.store.messages import ClaimedMessage, claim_messages, select_expired
from services.notify.templates import RenderedMessage, Renderer
from shared.errors import Rejected
from shared.ops.health import Health
from shared.ops.metrics import Metrics
from shared.retry import is_transient, retry_transient
from shared.runner.types import Command
from shared.wakeup import Wakeup, wait_for_event

log = logging.getLogger(__name__)
JITTER: Final = (0.8, 1.2)
EXPIRED_LEASES_SECONDS: Final = 5.0  # between two rounds that record expired leases
EXPIRED_LEASES_LIMIT: Final = 500  # per round
BACKOFF: Final = (0.0, 1.0, 2.0, 5.0, 10.0, 15.0)  # seconds to wait after 0, 1, 2 … rounds without a connection
CLAIM_PAUSE: Final = 0.01  # seconds between claims while messages are in flight, so that one claim serves many commits


class SenderRuntime(Protocol):
    """Part of the runtime that the sender uses: database, commands, commit notifications, health and metrics."""

    health: Health
    metrics: Metrics

    @property
    def pool(self) -> asyncpg.Pool:
        """Connection pool of the service's database."""

    def submit(self, command: Command) -> Awaitable[Any]:
        """Handle a command in a transaction of its own."""

    def on_commit(self, callback: Callable[[], None]) -> None:
        """Call `callback` after each commit of this process."""


class SendLoop:
    """Sender of one process. `run_once` sends one batch to its end; `run` sends until it is stopped."""

    def __init__(self, runtime: SenderRuntime, settings: Settings, channel: Channel, renderer: Renderer) -> None:
        self._runtime = runtime
        self._settings = settings
        self._channel = channel
        self._renderer = renderer
        self._wakeup = Wakeup()
        self._tasks: set[asyncio.Task[None]] = set()
        self._in_flight: set[UUID] = set()  # being sent by this process, even if their lease has expired
        self._is_down = False  # the last attempt had no connection
        self._rounds_down = 0
        runtime.on_commit(self._wakeup.wake)

    async def run_once(self) -> int:
        """Claim one batch and send it. Return the number of messages."""
        messages = await claim_messages(self._runtime.pool, self._settings.send_in_flight, self._settings.lease)
        await asyncio.gather(*(self._deliver(message) for message in messages))
        return len(messages)

    async def record_expired_leases(self) -> int:
        """Record attempts with an expired lease as uncertain. Return their number."""
        expired = await select_expired(self._runtime.pool, EXPIRED_LEASES_LIMIT)
        abandoned = [message for message in expired if message.message_id not in self._in_flight]
        report = DeliveryReport("uncertain", "lease_expired")
        await asyncio.gather(*(self._record(message, report) for message in abandoned))
        return len(abandoned)

    async def run(self, stopping: asyncio.Event) -> None:
        """Send until `stopping` is set; then finish the messages in flight and close the connections."""
        loop = asyncio.get_running_loop()
        last_round_at = 0.0
        try:
            async with self._wakeup.woken_by(stopping):
                while not stopping.is_set():
                    if loop.time() - last_round_at >= EXPIRED_LEASES_SECONDS:
                        last_round_at = loop.time()
                        await self.record_expired_leases()
                    await self._start_sending()
                    await self._wait(stopping)
        finally:
            await asyncio.gather(*self._tasks, return_exceptions=True)
            await self._channel.close()

    async def _start_sending(self) -> None:
        """Claim messages and start sending them, while at least half of the places in flight are free.

        Claiming at each free place would make one query per message under load; half of the places make few queries.
        """
        limit = self._settings.send_in_flight
        free = limit - len(self._tasks)
        while free * 2 >= limit:
            messages = await claim_messages(self._runtime.pool, free, self._settings.lease)
            for message in messages:
                task = asyncio.create_task(self._deliver(message))
                self._tasks.add(task)
                task.add_done_callback(self._end_task)
            if len(messages) < free:
                return  # a message that becomes ready later comes with a commit, which wakes the loop
            free = limit - len(self._tasks)

    def _end_task(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("an attempt could not be recorded; its lease will expire", exc_info=task.exception())
        if len(self._tasks) * 2 <= self._settings.send_in_flight:
            self._wakeup.wake()

    async def _wait(self, stopping: asyncio.Event) -> None:
        """Wait for a wake-up or the poll interval; first wait longer while the provider cannot be reached.

        Without the backoff every message would use up its attempts during an outage of the provider.
        """
        self._rounds_down = self._rounds_down + 1 if self._is_down else 0
        self._is_down = False
        pause = BACKOFF[min(self._rounds_down, len(BACKOFF) - 1)] or (CLAIM_PAUSE if self._tasks else 0.0)
        if pause:
            await wait_for_event(stopping, pause)
        await self._wakeup.wait(self._settings.send_poll_ms / 1000)

    async def _deliver(self, message: ClaimedMessage) -> None:
        self._in_flight.add(message.message_id)
        try:
            await self._record(*await self._attempt(message))
        finally:
            self._in_flight.discard(message.message_id)

    async def _attempt(self, message: ClaimedMessage) -> tuple[ClaimedMessage, DeliveryReport]:
        """Render and send. An incomplete message fails for good; after another error of rendering it is retried."""
        try:
            rendered = self._renderer.render(message.kind, message.content, message.locale)
        except Rejected as error:
            log.warning("a message is incomplete: %s", error.detail, extra={"message_id": str(message.message_id)})
            return message, DeliveryReport("failed_permanent", "incomplete")
        except Exception:
            log.exception("a message could not be rendered", extra={"message_id": str(message.message_id)})
            return message, DeliveryReport("failed_transient", "not_printed")
        written = replace(message, written_in=rendered.locale, template=rendered.template)
        report = await self._channel.send(self._outgoing(message, rendered))
        self._report(written, report)
        return written, report

    def _outgoing(self, message: ClaimedMessage, rendered: RenderedMessage) -> OutgoingMessage:
        domain = self._settings.sender_address.rpartition("@")[2]
        return OutgoingMessage(
            message_id=f"{message.message_id}@{domain}",
            to=message.address,
            subject=rendered.subject,
            html=rendered.html,
            text=rendered.text,
            language=rendered.locale,
        )

    def _report(self, message: ClaimedMessage, report: DeliveryReport) -> None:
        """Update health, and the metric of the time until an acknowledgement was accepted."""
        if report.code.endswith("connect"):
            self._is_down = True
            self._runtime.health.report_failing("smtp", f"cannot send mail: {report.code}")
        else:
            self._is_down = False
            self._runtime.health.report_working("smtp")
        if report.outcome == "sent" and message.kind == "acknowledgement":
            seconds = (datetime.now(UTC) - message.caused_at).total_seconds()
            self._runtime.metrics.observe("redress_acknowledged_seconds", max(seconds, 0.0))

    async def _record(self, message: ClaimedMessage, report: DeliveryReport) -> None:
        """Record the result of an attempt. Retry while the database is unavailable; give up if it is rejected."""
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
            jitter=random.uniform(*JITTER),  # noqa: S311 (spreads load, is no secret)
        )
        try:
            await self._submit(command)
        except Rejected as error:
            log.warning("an attempt was rejected: %s", error.detail, extra={"message_id": str(message.message_id)})

    async def _submit(self, command: AttemptFinished) -> None:
        """Submit the command; build the retry loop only after a first failure, which is rare."""
        try:
            await self._runtime.submit(command)
        except Exception as error:
            if not is_transient(error):
                raise
            async for attempt in retry_transient():
                with attempt:
                    await self._runtime.submit(command)
