"""Limit of the number of modules that a decision of sla uses, so that a reader can follow it.

The test counts the modules of sla's domain of which a function runs. The packages of rulebook and calendar count as
one module each. `commands`, `context`, `state` and `clock_types` declare data and run no function.
"""

import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from services.sla.domain import SlaContext, clocks, decide
from shared.runner.types import Tick
from tests.house.source_files import ROOT
from tests.unit.sla.lives import Life, accepted, assigned, received, resolved, triaged

MODULES_MAX = 10
DOMAIN = "services/sla/domain/"
LIBRARIES = ("services/sla/policies/", "services/sla/calendar/")


def modules_used(run: Callable[[], Any]) -> set[str]:
    """Return the modules of the domain, and the libraries, of which `run` calls a function."""
    files: set[str] = set()

    def record_call(frame: FrameType, event: str, _: object) -> None:
        if event == "call":
            files.add(frame.f_code.co_filename)

    clocks._kept_time_run.cache_clear()  # a cached result would hide calls
    before = sys.getprofile()
    sys.setprofile(record_call)
    try:
        run()
    finally:
        sys.setprofile(before)
    names = {Path(name).relative_to(ROOT).as_posix() for name in files if name.startswith(f"{ROOT}/services/sla/")}
    return {next((library for library in LIBRARIES if name.startswith(library)), name) for name in names}


def domain_modules(modules: set[str]) -> list[str]:
    return sorted(name for name in modules if name.startswith(DOMAIN))


EVENTS = {
    "received": ("Mon 10:00", received("Mon 10:00")),
    "triaged": ("Mon 10:00", triaged()),
    "assigned": ("Mon 10:05", assigned()),
    "accepted": ("Mon 10:06", accepted("Mon 10:06", promise=1)),
    "resolved": ("Mon 12:00", resolved("Mon 12:00")),
}


@pytest.mark.parametrize("last", EVENTS)
def test_a_decision_on_an_event_uses_few_modules(last: str) -> None:
    life = Life()
    for name, (moment, fact) in EVENTS.items():
        modules = modules_used(lambda moment=moment, fact=fact: life.hears(moment, fact))
        if name == last:
            break
    assert len(domain_modules(modules)) <= MODULES_MAX, domain_modules(modules)
    assert modules <= {*domain_modules(modules), *LIBRARIES}


def test_a_decision_on_a_tick_uses_few_modules() -> None:
    life = Life()
    for moment, fact in list(EVENTS.values())[:4]:
        life.hears(moment, fact)
    state = life.state
    assert state and state.due_at
    now = state.due_at + timedelta(seconds=1)
    modules = modules_used(lambda: decide(state, Tick(now), SlaContext(now, life.rulebook)))
    assert len(modules) <= MODULES_MAX, sorted(modules)
