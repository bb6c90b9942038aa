"""The supervisor decides by looking; time is a number here."""

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from deploy.local.processes import Child
from deploy.local.supervisor import BACKOFF_SECONDS, STABLE_SECONDS, Supervisor
from shared.errors import Misconfigured, Unavailable


@dataclass
class Ended(Child):
    """A child that ended as the test says."""

    code: int | None = None

    @property
    def returncode(self) -> int | None:
        return self.code

    def tail(self, lines: int = 15) -> str:
        return "port: expected a number"


@dataclass
class Scene:
    now: float = 0.0
    said: list[str] = field(default_factory=list)
    started: list[str] = field(default_factory=list)
    away: bool = False

    def __post_init__(self) -> None:
        self.child = Ended("sla", Path(), [], should_run=True)
        self.supervisor = Supervisor(
            lambda: {"sla": self.child}, self.start, tell=self.said.append, clock=lambda: self.now
        )
        self.supervisor.run_once()

    def start(self, name: str) -> None:
        if self.away:
            raise Unavailable("PostgreSQL did not start.\nlog line")
        self.started.append(name)
        self.child.code = None

    def ends(self, code: int) -> None:
        self.child.code = code
        self.supervisor.run_once()

    def passes(self, seconds: float) -> int:
        self.now += seconds
        return self.supervisor.run_once()


def test_what_was_killed_starts_again_after_the_first_wait() -> None:
    scene = Scene()
    scene.ends(-9)
    assert scene.passes(BACKOFF_SECONDS[0] - 0.01) == 0
    assert scene.passes(0.01) == 1
    assert scene.started == ["sla"]
    assert scene.said == ["sla ended (signal 9); it starts again in 0.5 s"]


def test_each_failure_in_a_row_waits_longer_up_to_the_longest() -> None:
    scene = Scene()
    for wait in (*BACKOFF_SECONDS, BACKOFF_SECONDS[-1]):
        scene.ends(70)
        assert scene.passes(wait - 0.01) == 0
        assert scene.passes(0.01) == 1


def test_a_long_quiet_run_is_forgiven() -> None:
    scene = Scene()
    scene.ends(1)
    scene.passes(BACKOFF_SECONDS[0])
    scene.passes(STABLE_SECONDS + 1)
    scene.ends(1)
    assert scene.passes(BACKOFF_SECONDS[0]) == 1


def test_what_ended_by_itself_without_failure_stays_ended() -> None:
    scene = Scene()
    scene.ends(0)
    assert scene.passes(1000) == 0
    assert scene.said == []


def test_what_was_stopped_on_purpose_stays_stopped() -> None:
    scene = Scene()
    scene.child.should_run = False
    scene.ends(-9)
    assert scene.passes(1000) == 0


def test_a_wrong_setting_is_told_and_not_tried_again() -> None:
    with pytest.raises(Misconfigured, match="sla does not start: port: expected a number"):
        Scene().ends(2)


def test_a_start_that_fails_is_tried_again_later_and_told_in_one_line() -> None:
    scene = Scene(away=True)
    scene.ends(-9)
    assert scene.passes(BACKOFF_SECONDS[0]) == 0
    assert scene.said[-1] == "sla: PostgreSQL did not start. The next try is in 1 s"
    scene.away = False
    assert scene.passes(BACKOFF_SECONDS[1]) == 1
