"""Kafka's jars, fetched once by their Maven coordinates and checked against the sums that we ship."""

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
BINDING = "org.apache.logging.log4j:log4j-slf4j-impl:2.25.4"  # slf4j's way to the log4j that Kafka depends on
SUMS = Path(__file__).parent / "kafka-jars.json"
FETCH_SECONDS = 900
POM = """<project><modelVersion>4.0.0</modelVersion>
<groupId>redress</groupId><artifactId>kafka-runtime</artifactId><version>1</version><packaging>pom</packaging>
<dependencies>{dependencies}</dependencies></project>
"""
Ways = Sequence[tuple[str, Callable[[Path], None]]]  # name, and what fills `jars` in the folder it is given
DEPENDENCY = "<dependency><groupId>{}</groupId><artifactId>{}</artifactId><version>{}</version></dependency>"


def cache_folder() -> Path:
    """Where the jars are kept for all homes of this user."""
    base = os.environ.get("REDRESS_CACHE") or Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache", "redress")
    return Path(base).expanduser() / f"kafka-{VERSION}"


def kafka_jars(
    folder: Path | None = None, *, ways: Ways | None = None, tell: Callable[[str], None] = lambda _: None
) -> list[Path]:
    """The jars in a fixed order; from the cache when it is whole, so that a second start needs no network.

    `tell` hears of it when they must be fetched. Raises `Misconfigured` when Maven does not have them for us either.
    """
    folder = folder or cache_folder()
    if not is_whole(folder):
        tell(f"downloading Apache Kafka {VERSION}, once, about {_megabytes()} MB, to {folder}")
        _fill(folder, ways or known_ways())
    return sorted(folder.glob("*.jar"))


def is_whole(folder: Path) -> bool:
    """Whether every jar is there in its size; sums were checked when they were fetched."""
    sizes = {name: facts["bytes"] for name, facts in _expected().items()}
    return {path.name: path.stat().st_size for path in folder.glob("*.jar")} == sizes


def _expected() -> dict[str, dict[str, int | str]]:
    expected: dict[str, dict[str, int | str]] = json.loads(SUMS.read_text("utf-8"))
    return expected


def _megabytes() -> int:
    return round(sum(int(facts["bytes"]) for facts in _expected().values()) / 1_000_000)


def _fill(folder: Path, ways: Ways) -> None:
    """Fetch into a side folder and rename it, so that an interrupted fetch is never taken for a whole one."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    refusals: list[str] = []
    for name, fetch in ways:
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".fetching-") as side:
            try:
                fetch(Path(side))
                wrong = _wrong(Path(side) / "jars")
            except (OSError, RuntimeError, subprocess.SubprocessError) as error:
                refusals.append(f"{name}: {_reason(error)}")
                continue
            if wrong:
                refusals.append(f"{name}: unexpected content of {', '.join(wrong)}")
                continue
            shutil.rmtree(folder, ignore_errors=True)
            with contextlib.suppress(OSError):  # another start was faster; its jars are as good
                (Path(side) / "jars").rename(folder)
            return
    raise Misconfigured(
        f"Apache Kafka {VERSION} could not be fetched by Maven coordinates ({'; '.join(refusals)}). The first start "
        "needs the network; or point to a Kafka you have with --kafka HOST:PORT."
    )


def known_ways() -> Ways:
    """Maven where it is installed, since it knows the user's mirrors and proxies; then jgo."""
    maven: Ways = [("mvn", fetch_with_maven)] if shutil.which("mvn") else []
    return [*maven, ("jgo", fetch_with_jgo)]


def fetch_with_maven(side: Path) -> None:
    """Let Maven copy the jars to `side/jars`."""
    dependencies = "".join(DEPENDENCY.format(*coordinate.split(":")) for coordinate in (KAFKA, BINDING))
    pom = side / "pom.xml"
    pom.write_text(POM.format(dependencies=dependencies), "utf-8")
    subprocess.run(
        [
            "mvn", "--quiet", "--batch-mode", f"--file={pom}", "dependency:copy-dependencies",
            "-DincludeScope=runtime", f"-DoutputDirectory={side / 'jars'}",
        ],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=FETCH_SECONDS, check=True,
    )  # fmt: skip


def fetch_with_jgo(side: Path) -> None:
    """Let jgo, which needs no Maven, materialise the jars and gather them in `side/jars`."""
    import jgo  # noqa: PLC0415 - half a second that only the very first start should pay

    jars = side / "jars"
    jars.mkdir()
    for path in jgo.build(KAFKA, cache_dir=side / "jgo").path.rglob("*.jar"):
        shutil.copy2(path, jars)
    # Of the binding only itself: resolved together, its parent's versions would replace Kafka's.
    binding = "-".join(BINDING.split(":")[1:])
    for path in jgo.build(BINDING, cache_dir=side / "jgo").path.rglob(f"{binding}.jar"):
        shutil.copy2(path, jars)


def _wrong(jars: Path) -> list[str]:
    """Names that are missing, superfluous, or whose SHA-256 differs."""
    expected = {name: facts["sha256"] for name, facts in _expected().items()}
    found = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in jars.glob("*.jar")}
    return sorted(name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name))


def _reason(error: Exception) -> str:
    told = (error.stdout or "") if isinstance(error, subprocess.CalledProcessError) else str(error)
    lines = [line for line in told.splitlines() if line.strip()]
    return lines[0][:300] if lines else type(error).__name__
