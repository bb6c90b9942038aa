"""Child processes of the local stack, tested with real programs that end soon."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from deploy.local import processes
from deploy.local.processes import Child, reap, wait_until
from shared.errors import Misconfigured

WAITING_PROGRAM = [sys.executable, "-c", "import signal; print('up', flush=True); signal.pause()"]
IGNORING_PROGRAM = [
    sys.executable,
    "-c",
    "import signal; signal.signal(15, signal.SIG_IGN); print('up', flush=True)\nwhile True: signal.pause()",
]
PARENT_PROGRAM = [
    sys.executable,
    "-c",
    "import subprocess, sys; subprocess.Popen(['sleep', '60']); print('up', flush=True); import signal; signal.pause()",
]


def start(child: Child) -> Child:
    child.start()
    assert wait_until(lambda: "up" in child.tail(), seconds=20, child=child)
    return child


def is_alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def start_orphan(home: Path, name: str = "orphan") -> "subprocess.Popen[bytes]":
    """Start a process whose record names a supervisor that does not exist any more."""
    process = subprocess.Popen(WAITING_PROGRAM, stdout=subprocess.DEVNULL)
    facts = psutil.Process(process.pid)
    record = {
        "process": {"pid": process.pid, "started": facts.create_time(), "command": facts.cmdline()[:1]},
        "owner": {"pid": 2**22 - 7, "started": 1.0, "command": ["ended"]},
        "ask": int(signal.SIGTERM),
    }
    (home / "run").mkdir(parents=True, exist_ok=True)
    (home / "run" / f"{name}.json").write_text(json.dumps(record), "utf-8")
    return process


def test_a_stopped_child_leaves_no_record(tmp_path: Path) -> None:
    child = start(Child("one", tmp_path, WAITING_PROGRAM))
    assert (tmp_path / "run" / "one.json").exists()
    assert child.stop() is True
    assert child.returncode == -signal.SIGTERM
    assert not list((tmp_path / "run").iterdir())


def test_a_child_that_ignores_the_signal_is_killed_after_the_timeout(tmp_path: Path) -> None:
    child = start(Child("ignoring", tmp_path, IGNORING_PROGRAM))
    assert child.stop(seconds=0.2) is False
    assert child.returncode == -signal.SIGKILL


def test_killing_a_child_kills_its_own_children(tmp_path: Path) -> None:
    child = start(Child("parent", tmp_path, PARENT_PROGRAM))
    grandchildren = psutil.Process(child.pid).children()
    child.kill()
    assert len(grandchildren) == 1
    assert not any(is_alive(process.pid) for process in grandchildren)


def test_a_child_killed_on_purpose_should_not_run(tmp_path: Path) -> None:
    child = start(Child("one", tmp_path, WAITING_PROGRAM))
    assert child.should_run
    child.kill()
    assert not child.should_run


def test_ctrl_c_at_the_terminal_does_not_reach_the_child(tmp_path: Path) -> None:
    child = start(Child("one", tmp_path, WAITING_PROGRAM))
    assert os.getsid(child.pid) != os.getsid(0)
    child.kill()


def test_processes_of_a_killed_supervisor_are_ended_by_the_next_start(tmp_path: Path) -> None:
    leftover = start_orphan(tmp_path)
    assert reap(tmp_path) == ["orphan"]
    assert leftover.wait(5) == -signal.SIGTERM
    assert not list((tmp_path / "run").iterdir())


def test_a_process_recorded_during_its_exec_is_ended_too(tmp_path: Path) -> None:
    leftover = start_orphan(tmp_path)
    path = tmp_path / "run" / "orphan.json"
    record = json.loads(path.read_text("utf-8"))
    record["process"]["command"] = []  # what the kernel shows until the new program has its arguments
    path.write_text(json.dumps(record), "utf-8")
    assert reap(tmp_path) == ["orphan"]
    assert leftover.wait(10) is not None


def test_a_start_with_the_same_name_ends_the_leftover_process_first(tmp_path: Path) -> None:
    leftover = start_orphan(tmp_path, "one")
    child = start(Child("one", tmp_path, WAITING_PROGRAM))
    assert leftover.wait(5) == -signal.SIGTERM
    child.stop()


@pytest.mark.parametrize(("fact", "value"), [("started", 12345.0), ("command", ["another"])])
def test_a_process_that_only_reuses_the_recorded_id_is_not_ended(tmp_path: Path, fact: str, value: object) -> None:
    process = start_orphan(tmp_path)
    path = tmp_path / "run" / "orphan.json"
    record = json.loads(path.read_text("utf-8"))
    record["process"][fact] = value
    path.write_text(json.dumps(record), "utf-8")
    assert reap(tmp_path) == []
    assert process.poll() is None
    process.kill()
    process.wait(5)


def test_a_home_with_a_running_supervisor_is_refused(tmp_path: Path) -> None:
    process = start_orphan(tmp_path)
    owner = psutil.Process(os.getppid())
    path = tmp_path / "run" / "orphan.json"
    record = json.loads(path.read_text("utf-8"))
    record["owner"] = {"pid": owner.pid, "started": owner.create_time(), "command": owner.cmdline()[:1]}
    path.write_text(json.dumps(record), "utf-8")
    with pytest.raises(Misconfigured, match=f"run by process {owner.pid} already"):
        reap(tmp_path)
    assert process.poll() is None
    process.kill()
    process.wait(5)


def test_an_incomplete_record_does_not_stop_the_next_start(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "one.json").write_text('{"process": {"pi', "utf-8")
    assert reap(tmp_path) == []


def test_a_long_log_is_renamed_and_the_new_one_begins_empty(tmp_path: Path) -> None:
    child = Child("one", tmp_path, WAITING_PROGRAM)
    child.log.parent.mkdir()
    with child.log.open("wb") as log:
        log.truncate(processes.LOG_MAX_BYTES + 1)
    start(child)
    assert child.log.stat().st_size < 100
    assert (tmp_path / "logs" / "one.log.1").stat().st_size > processes.LOG_MAX_BYTES
    child.kill()


def test_waiting_ends_at_once_when_the_child_has_ended(tmp_path: Path) -> None:
    child = Child("brief", tmp_path, [sys.executable, "-c", "print('no'); raise SystemExit(3)"])
    child.start()
    assert wait_until(lambda: False, seconds=60, child=child) is False
    assert child.returncode == 3
    assert child.tail() == "no"
