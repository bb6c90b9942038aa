"""Jars of Kafka: downloaded once by their Maven coordinates and compared with the checksums in this repository."""

import contextlib
import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from shared.errors import Misconfigured

VERSION = "4.3.1"
KAFKA = f"org.apache.kafka:kafka_2.13:{VERSION}"
LOG4J_BINDING = "org.apache.logging.log4j:log4j-slf4j-impl:2.25.4"  # connects slf4j to log4j, which Kafka depends on
CHECKSUMS = Path(__file__).parent / "kafka-jars.json"
FETCH_SECONDS = 900
POM = """<project><modelVersion>4.0.0</modelVersion>
<groupId>redress</groupId><artifactId>kafka-runtime</artifactId><version>1</version><packaging>pom</packaging>
<dependencies>{dependencies}</dependencies></project>
"""
Fetchers = Sequence[tuple[str, Callable[[Path], None]]]  # name, and a function that fills `jars` in its folder
DEPENDENCY = "<dependency><groupId>{}</groupId><artifactId>{}</artifactId><version>{}</version></dependency>"


def cache_folder() -> Path:
    """Folder with the jars for all homes of this user."""
    base = os.environ.get("REDRESS_CACHE") or Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache", "redress")
    return Path(base).expanduser() / f"kafka-{VERSION}"


def ensure_kafka_jars(
    folder: Path | None = None, *, fetchers: Fetchers | None = None, report: Callable[[str], None] = lambda _: None
) -> list[Path]:
    """Return the jars in a fixed order, downloaded if the cache is incomplete.

    A complete cache needs no network. `report` is called before a download. Raises `Misconfigured` if it fails.
    """
    folder = folder or cache_folder()
    if not is_complete(folder):
        report(f"downloading Apache Kafka {VERSION}, once, about {_download_megabytes()} MB, to {folder}")
        _fetch(folder, fetchers or available_fetchers())
    return sorted(folder.glob("*.jar"))


def is_complete(folder: Path) -> bool:
    """Return True if every jar is present with its size; checksums were compared at the download."""
    sizes = {name: facts["bytes"] for name, facts in _load_checksums().items()}
    return {path.name: path.stat().st_size for path in folder.glob("*.jar")} == sizes


def _load_checksums() -> dict[str, dict[str, int | str]]:
    expected: dict[str, dict[str, int | str]] = json.loads(CHECKSUMS.read_text("utf-8"))
    return expected


def _download_megabytes() -> int:
    return round(sum(int(facts["bytes"]) for facts in _load_checksums().values()) / 1_000_000)


def _fetch(folder: Path, fetchers: Fetchers) -> None:
    """Download into a temporary folder and rename it, so that an interrupted download leaves no incomplete cache."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    failures: list[str] = []
    for name, fetch in fetchers:
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".fetching-") as temporary:
            try:
                fetch(Path(temporary))
                differing = _find_differences(Path(temporary) / "jars")
            except (OSError, RuntimeError, subprocess.SubprocessError) as error:
                failures.append(f"{name}: {_failure_reason(error)}")
                continue
            if differing:
                failures.append(f"{name}: unexpected content of {', '.join(differing)}")
                continue
            shutil.rmtree(folder, ignore_errors=True)
            with contextlib.suppress(OSError):  # another process was faster; its jars are the same
                (Path(temporary) / "jars").rename(folder)
            return
    raise Misconfigured(
        f"Apache Kafka {VERSION} could not be fetched by Maven coordinates ({'; '.join(failures)}). The first start "
        "needs the network; or give the address of a running Kafka with --kafka HOST:PORT."
    )


def available_fetchers() -> Fetchers:
    """Return Maven if it is installed, because it uses the user's mirrors and proxies; then jgo."""
    maven: Fetchers = [("mvn", fetch_with_maven)] if shutil.which("mvn") else []
    return [*maven, ("jgo", fetch_with_jgo)]


def fetch_with_maven(temporary: Path) -> None:
    """Let Maven copy the jars to `temporary/jars`."""
    dependencies = "".join(DEPENDENCY.format(*coordinate.split(":")) for coordinate in (KAFKA, LOG4J_BINDING))
    pom = temporary / "pom.xml"
    pom.write_text(POM.format(dependencies=dependencies), "utf-8")
    subprocess.run(
        [
            "mvn", "--quiet", "--batch-mode", f"--file={pom}", "dependency:copy-dependencies",
            "-DincludeScope=runtime", f"-DoutputDirectory={temporary / 'jars'}",
        ],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=FETCH_SECONDS, check=True,
    )  # fmt: skip


def fetch_with_jgo(temporary: Path) -> None:
    """Let jgo, which needs no Maven, download the jars, and collect them in `temporary/jars`."""
    import jgo  # noqa: PLC0415 - importing takes half a second, and only the first start needs it

    jars = temporary / "jars"
    jars.mkdir()
    for path in jgo.build(KAFKA, cache_dir=temporary / "jgo").path.rglob("*.jar"):
        shutil.copy2(path, jars)
    # Only the binding itself: resolved together, versions of its parent would replace Kafka's.
    binding = "-".join(LOG4J_BINDING.split(":")[1:])
    for path in jgo.build(LOG4J_BINDING, cache_dir=temporary / "jgo").path.rglob(f"{binding}.jar"):
        shutil.copy2(path, jars)


def _find_differences(jars: Path) -> list[str]:
    """Return the names of jars that are missing, superfluous, or have another SHA-256."""
    expected = {name: facts["sha256"] for name, facts in _load_checksums().items()}
    checksums = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in jars.glob("*.jar")}
    return sorted(name for name in expected.keys() | checksums.keys() if expected.get(name) != checksums.get(name))


def _failure_reason(error: Exception) -> str:
    output = (error.stdout or "") if isinstance(error, subprocess.CalledProcessError) else str(error)
    lines = [line for line in output.splitlines() if line.strip()]
    return lines[0][:300] if lines else type(error).__name__
