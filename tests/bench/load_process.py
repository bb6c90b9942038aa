"""Load process: clients that post complaints, and the mail server that accepts the mails, in one process.

`python -m tests.bench.load_process SMTP_PORT` reads one JSON command per line from stdin and writes one JSON line for
each. It measures from POST to accepted mail with one clock.
"""

import asyncio
import json
import subprocess
import sys
from collections.abc import Awaitable, Callable
from time import perf_counter
from typing import Any

import uvloop

from tests.bench.http_load import LoadResult, percentile, run_closed_loop, run_open_loop
from tests.bench.request_bodies import Target, email_address, generate_requests
from tests.bench.smtp_sink import SmtpSink

CommandResult = dict[str, Any]


class LoadCommands:
    """Implementation of the commands."""

    def __init__(self, sink: SmtpSink) -> None:
        self.sink = sink

    async def closed(self, target: Target, run: str, **settings: Any) -> CommandResult:
        """Post complaints as fast as possible; report rate and latency."""
        return (await run_closed_loop(target, generate_requests(target, run), **settings)).summary()

    async def cycle(self, target: Target, run: str, *, count: int, connections: int, patience: float) -> CommandResult:
        """Post `count` complaints as fast as possible; report the time until each customer has a mail."""
        self.sink.expect(f"{run}n")
        begin = perf_counter()
        tally = await run_closed_loop(target, generate_requests(target, run), connections=connections, count=count)
        await self.sink.until(count, patience)
        last = max(self.sink.taken.values(), default=begin)
        answer = tally.summary() | {"accept_seconds": tally.seconds, "cycle_seconds": last - begin}
        return answer | self._mail(run, tally)

    async def paced(self, target: Target, run: str, *, rate: float, seconds: float, patience: float) -> CommandResult:
        """Post complaints at a fixed rate; report how long each customer waited for a mail."""
        self.sink.expect(f"{run}n")
        tally = await run_open_loop(target, generate_requests(target, run), rate=rate, seconds=seconds)
        await self.sink.until(len(tally.sent_at), patience)
        return tally.summary() | self._mail(run, tally)

    async def mails(self) -> CommandResult:
        """Report the number and size of the accepted mails."""
        return {"mails": self.sink.mails, "recipients": len(self.sink.taken), "octets": self.sink.octets}

    def _mail(self, run: str, tally: LoadResult) -> CommandResult:
        taken = self.sink.taken
        waits = [
            taken[who] - at for number, at in enumerate(tally.sent_at) if (who := email_address(run, number)) in taken
        ]
        return {
            "mails": self.sink.mails,
            "mail_octets": self.sink.octets // max(1, self.sink.mails),
            "missing": len(tally.sent_at) - len(waits),
            "mail_p50_ms": percentile(waits, 50) * 1e3,
            "mail_p99_ms": percentile(waits, 99) * 1e3,
        }


class LoadProcess:
    """Handle on the load process: starts it and sends commands to it."""

    def __init__(self, smtp_port: int) -> None:
        self.smtp_port = smtp_port
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.bench.load_process", str(smtp_port)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._answer() == {"ready": smtp_port}

    def __call__(self, do: str, **arguments: Any) -> CommandResult:
        """Run one command and return its result."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"do": do, **arguments}) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> CommandResult:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("the load process has exited; see its error above")
        result: CommandResult = json.loads(line)
        return result

    def stop(self) -> None:
        """Stop the process."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(10)


async def serve(smtp_port: int) -> None:
    """Run commands from stdin until it is closed."""
    sink = SmtpSink()
    server = await sink.listen(smtp_port)
    handlers = LoadCommands(sink)
    commands: dict[str, Callable[..., Awaitable[CommandResult]]] = {
        "closed": handlers.closed,
        "cycle": handlers.cycle,
        "paced": handlers.paced,
        "mails": handlers.mails,
    }
    lines = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    _write_result({"ready": smtp_port})
    while line := await lines.readline():
        arguments = json.loads(line)
        if "target" in arguments:
            arguments["target"] = Target(**arguments["target"])
        _write_result(await commands[arguments.pop("do")](**arguments))
    server.close()


def _write_result(answer: CommandResult) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1])))
