"""Report on the samples of `cpu_sampler`: CPU time of each service by layer."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

LAYERS = (
    ("services.", "the service's own code"),
    ("shared.contracts", "contracts (envelope, events)"),
    ("shared.", "runtime"),
    ("pydantic", "pydantic"),
    ("asyncpg", "asyncpg"),
    ("aiokafka", "aiokafka"),
    ("faststream", "FastStream"),
    ("fastapi", "FastAPI and Starlette"),
    ("starlette", "FastAPI and Starlette"),
    ("uvicorn", "uvicorn"),
    ("jinja2", "Jinja"),
    ("email", "MIME"),
    ("aiosmtplib", "aiosmtplib"),
    ("babel", "Babel"),
    ("prometheus_client", "metrics"),
    ("other threads", "other threads (migrations at the start, models being read)"),
    ("asyncio", "event loop"),
    ("selectors", "event loop"),
)


def count_by_layer(profile: dict[str, Any]) -> Counter[str]:
    """Count the samples by the layer of the innermost frame."""
    counts: Counter[str] = Counter()
    for stack, count in profile["stacks"]:
        module = stack.rsplit(";", 1)[-1].split(":")[0]
        counts[next((name for prefix, name in LAYERS if module.startswith(prefix)), module.split(".")[0])] += count
    return counts


def print_profiles(console: Console, folder: Path) -> None:
    """Print a table for each profile in the folder."""
    for path in sorted(folder.glob("profile-*.json")):
        profile = json.loads(path.read_text("utf-8"))
        total = max(1, profile["samples"])
        name = path.stem.removeprefix("profile-")
        table = Table(
            "layer", "own", "functions with the most samples, including calls", "", title=f"{name}: {total} samples"
        )
        layers = count_by_layer(profile).most_common(14)
        frames = [frame for frame in profile["inclusive"] if frame[0].startswith(("services.", "shared."))][:14]
        for number in range(max(len(layers), len(frames))):
            layer, own = layers[number] if number < len(layers) else ("", 0)
            function, count = frames[number] if number < len(frames) else ("", 0)
            table.add_row(layer, _format_share(own, total), function, _format_share(count, total))
        console.print(table)


def _format_share(count: int, total: int) -> str:
    return f"{count / total:.1%}" if count else ""
