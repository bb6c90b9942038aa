"""Supervisor of the local stack: restarts and their delays, with a clock that the test sets."""

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from deploy.local.processes import Child
from deploy.local.supervisor import BACKOFF_SECONDS, STABLE_SECONDS, Supervisor
from shared.errors import Misconfigured, Unavailable


@dataclass
class EndedChild(Child):
    """Child process that has ended with the code that the test sets."""

    code: int | None = None

    @property
    def returncode(self) -> int | None:
        return self.code

    def tail(self, lines: int = 15) -> str:
        return "port: expected a number"


@dataclass
class SupervisedChild:
    """Supervisor with one child process, a clock, and a record of starts and reports."""

    now: float = 0.0
    reports: list[str] = field(default_factory=list)
    started: list[str] = field(default_factory=list)
    unavailable: bool = False

    def __post_init__(self) -> None:
        self.child = EndedChild("sla", Path(), [], should_run=True)
        self.supervisor = Supervisor(
            lambda: {"sla": self.child}, self.start, report=self.reports.append, clock=lambda: self.now
        )
        self.supervisor.run_once()

    def start(self, name: str) -> None:
        if self.unavailable:
            raise Unavailable("PostgreSQL did not start.\nlog line")
        self.started.append(name)
        self.child.code = None

    def end_child(self, code: int) -> None:
        self.child.code = code
        self.supervisor.run_once()

    def pass_seconds(self, seconds: float) -> int:
        self.now += seconds
        return self.supervisor.run_once()


def test_a_killed_process_is_restarted_after_the_first_delay() -> None:
    supervised = SupervisedChild()
    supervised.end_child(-9)
    assert supervised.pass_seconds(BACKOFF_SECONDS[0] - 0.01) == 0
    assert supervised.pass_seconds(0.01) == 1
    assert supervised.started == ["sla"]
    assert supervised.reports == ["sla ended (signal 9); it restarts in 0.5 s"]


def test_the_delay_grows_with_each_failure_up_to_its_maximum() -> None:
    supervised = SupervisedChild()
    for wait in (*BACKOFF_SECONDS, BACKOFF_SECONDS[-1]):
        supervised.end_child(70)
        assert supervised.pass_seconds(wait - 0.01) == 0
        assert supervised.pass_seconds(0.01) == 1


def test_the_restart_delay_is_reset_after_a_long_run() -> None:
    supervised = SupervisedChild()
    supervised.end_child(1)
    supervised.pass_seconds(BACKOFF_SECONDS[0])
    supervised.pass_seconds(STABLE_SECONDS + 1)
    supervised.end_child(1)
    assert supervised.pass_seconds(BACKOFF_SECONDS[0]) == 1


def test_a_process_that_ended_with_code_zero_is_not_restarted() -> None:
    supervised = SupervisedChild()
    supervised.end_child(0)
    assert supervised.pass_seconds(1000) == 0
    assert supervised.reports == []


def test_a_process_stopped_on_purpose_is_not_restarted() -> None:
    supervised = SupervisedChild()
    supervised.child.should_run = False
    supervised.end_child(-9)
    assert supervised.pass_seconds(1000) == 0


def test_a_wrong_setting_is_reported_and_not_retried() -> None:
    with pytest.raises(Misconfigured, match="sla does not start: port: expected a number"):
        SupervisedChild().end_child(2)


def test_a_failed_start_is_retried_later_and_reported_in_one_line() -> None:
    supervised = SupervisedChild(unavailable=True)
    supervised.end_child(-9)
    assert supervised.pass_seconds(BACKOFF_SECONDS[0]) == 0
    assert supervised.reports[-1] == "sla: PostgreSQL did not start. The next attempt is in 1 s"
    supervised.unavailable = False
    assert supervised.pass_seconds(BACKOFF_SECONDS[1]) == 1
