"""Service process without Kafka and PostgreSQL: HTTP, signals and exit codes."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import httpx
import pytest

ROOT = Path(__file__).parents[2]


def free_port() -> int:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        return int(server.getsockname()[1])


@asynccontextmanager
async def run_process(name: str, key: Path, **variables: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run a service whose Kafka and PostgreSQL do not exist."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("REDRESS_")}
    environment |= {
        "PYTHONPATH": str(ROOT),
        "REDRESS_KAFKA": "127.0.0.1:1",
        "REDRESS_POSTGRES": "postgresql://127.0.0.1:1/none",
        "REDRESS_AUTH_PUBLIC_KEY_FILE": str(key),
    }
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        f"services.{name}",
        env=environment | variables,
        cwd=ROOT,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield child
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()


async def fetch(port: int, path: str) -> httpx.Response:
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http, asyncio.timeout(60):
        while True:
            try:
                return await http.get(path)
            except httpx.TransportError:
                await asyncio.sleep(0.1)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_http_responds_without_kafka_and_postgresql_and_a_signal_ends_the_process(
    keys: tuple[Path, Path], number: signal.Signals
) -> None:
    port = free_port()
    async with run_process("intake", keys[1], REDRESS_PORT=str(port)) as child:
        assert (await fetch(port, "/live")).status_code == 200
        ready = await fetch(port, "/ready")
        assert (ready.status_code, ready.json()["ready"]) == (503, False)
        assert "faststream_received_messages" in (await fetch(port, "/metrics")).text
        child.send_signal(number)
        assert await asyncio.wait_for(child.wait(), 20) == 0


async def test_a_process_on_a_taken_port_exits_with_the_code_of_a_wrong_setting(keys: tuple[Path, Path]) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
        async with run_process("notify", keys[1], REDRESS_PORT=str(port)) as child:
            _, text = await asyncio.wait_for(child.communicate(), 60)
    assert child.returncode == 2
    assert f"port {port} on 127.0.0.1 is taken" in text.decode()
