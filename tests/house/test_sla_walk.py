"""A decision of sla passes through few modules, so that a reader can follow it.

Counted are the modules of sla's domain that run a function of their own. The rulebook and the calendars are libraries
to the domain: their packages count as one module each where the domain calls them. `commands`, `context`, `state` and
`clock_types` declare data and run nothing.
"""

import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from tests.house.reading import ROOT

from services.sla.domain import SlaContext, clocks, decide
from shared.runner.types import Tick
from tests.unit.sla.lives import Life, accepted, assigned, received, resolved, triaged

MODULES_MAX = 10
DOMAIN = "services/sla/domain/"
LIBRARIES = ("services/sla/policies/", "services/sla/calendar/")


def entered(run: Callable[[], Any]) -> set[str]:
    """Modules of the domain, and the libraries, of which a function ran."""
    files: set[str] = set()

    def note(frame: FrameType, event: str, _: object) -> None:
        if event == "call":
            files.add(frame.f_code.co_filename)

    clocks._kept_time_run.cache_clear()  # nothing is derived already
    before = sys.getprofile()
    sys.setprofile(note)
    try:
        run()
    finally:
        sys.setprofile(before)
    names = {Path(name).relative_to(ROOT).as_posix() for name in files if name.startswith(f"{ROOT}/services/sla/")}
    return {next((library for library in LIBRARIES if name.startswith(library)), name) for name in names}


def domain(modules: set[str]) -> list[str]:
    return sorted(name for name in modules if name.startswith(DOMAIN))


EVENTS = {
    "received": ("Mon 10:00", received("Mon 10:00")),
    "triaged": ("Mon 10:00", triaged()),
    "assigned": ("Mon 10:05", assigned()),
    "accepted": ("Mon 10:06", accepted("Mon 10:06", promise=1)),
    "resolved": ("Mon 12:00", resolved("Mon 12:00")),
}


@pytest.mark.parametrize("last", EVENTS)
def test_an_event_passes_through_few_modules(last: str) -> None:
    life = Life()
    for name, (moment, fact) in EVENTS.items():
        modules = entered(lambda moment=moment, fact=fact: life.hears(moment, fact))
        if name == last:
            break
    assert len(domain(modules)) <= MODULES_MAX, domain(modules)
    assert modules <= {*domain(modules), *LIBRARIES}


def test_a_tick_passes_through_few_modules() -> None:
    life = Life()
    for moment, fact in list(EVENTS.values())[:4]:
        life.hears(moment, fact)
    state = life.state
    assert state and state.due_at
    now = state.due_at + timedelta(seconds=1)
    modules = entered(lambda: decide(state, Tick(now), SlaContext(now, life.rulebook)))
    assert len(modules) <= MODULES_MAX, sorted(modules)
