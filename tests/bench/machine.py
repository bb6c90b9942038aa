"""Description of the machine, and CPU time and memory of processes."""

import os
import platform
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil

LIBRARIES = ("aiokafka", "aiosmtplib", "asyncpg", "fastapi", "faststream", "pydantic", "uvicorn", "uvloop")


def describe() -> dict[str, Any]:
    """Describe the machine: CPU, memory, versions, and the load before the measurements."""
    models = [line.split(":")[1].strip() for line in _read_lines("/proc/cpuinfo") if line.startswith("model name")]
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "cpu": models[0] if models else platform.processor(),
        "cores": os.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 2**30, 1),
        "runtime": platform.release(),
        "python": platform.python_version(),
        "load_before": os.getloadavg(),
        "cpu_busy_before_percent": psutil.cpu_percent(interval=1.0),
        "libraries": {name: version(name) for name in LIBRARIES},
    }


def read_cpu_seconds(pids: Mapping[str, Iterable[int]]) -> dict[str, float]:
    """Return the CPU seconds that each named group of processes has used so far, with its running children."""
    return {name: sum(_cpu_of_family(pid) for pid in group) for name, group in pids.items()}


def read_memory(pid: int) -> dict[str, float]:
    """Return the memory of a process in MB: resident, and proportional (shared pages divided among their processes)."""
    pages = dict.fromkeys(("Rss", "Pss"), 0)
    for line in _read_lines(f"/proc/{pid}/smaps_rollup"):
        name, _, rest = line.partition(":")
        if name in pages:
            pages[name] = int(rest.split()[0])
    return {"rss_mb": pages["Rss"] / 1024, "pss_mb": pages["Pss"] / 1024}


def read_heap_limit(pid: int) -> str:
    """Return the heap limit (`-Xmx...`) from the broker's command line."""
    return next((arg for arg in reversed(psutil.Process(pid).cmdline()) if arg.startswith("-Xmx")), "-Xmx unset")


def _cpu_of_family(pid: int) -> float:
    try:
        process = psutil.Process(pid)
        family = [process, *process.children(recursive=True)]
    except psutil.Error:
        return 0.0
    return sum(_cpu_of_process(process) for process in family)


def _cpu_of_process(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.Error:
        return 0.0
    return float(times.user + times.system)


def _read_lines(path: str) -> list[str]:
    try:
        return Path(path).read_text("utf-8").splitlines()
    except OSError:
        return []
