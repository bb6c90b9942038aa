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
from shared.contracts.events import Merged, MessageFailed
from shared.contracts.topics import SLA
from shared.runner.types import Tick
from tests.house.source_files import ROOT
from tests.unit.sla.complaint_builder import (
    AWAITING,
    COMPLAINT,
    CUSTOMER,
    REOPENED,
    WITHDRAWN,
    ComplaintBuilder,
    accepted,
    assigned,
    bounced,
    milestone,
    proposed,
    received,
    resolved,
    triaged,
)

MODULES_MAX = 10
LIBRARIES = ("services/sla/policies/", "services/sla/calendar/")
OPENING = [("Mon 10:00", received("Mon 10:00")), ("Mon 10:00", triaged()), ("Mon 10:05", assigned())]
TOLD = [*OPENING, ("Mon 10:06", accepted("Mon 10:06", promise=1))]
FAILED = MessageFailed(message="m", message_kind="progress", channel="email", cause="c", reason="exhausted", attempts=8)
CASES = [
    *((TOLD[:number], *TOLD[number]) for number in range(len(TOLD))),
    *(
        (TOLD, "Mon 11:00", fact)
        for fact in (
            CUSTOMER,
            AWAITING,
            proposed("Thu 12:00"),
            milestone("action_agreed", "Mon 11:00", "refund"),
            bounced("acknowledgement-Mon 10:06", hard=True),
            FAILED,
            resolved("Mon 11:00"),
            WITHDRAWN,
            Merged(into=COMPLAINT, into_reference="R-2"),
        )
    ),
    ([*TOLD, ("Mon 12:00", resolved("Mon 12:00"))], "Mon 13:00", REOPENED),
]


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


def test_the_cases_cover_every_event_that_sla_subscribes_to() -> None:
    assert {type(fact) for _, _, fact in CASES} == set(SLA.subscribes)


@pytest.mark.parametrize(("earlier", "moment", "fact"), CASES, ids=lambda value: type(value).__name__)
def test_a_decision_on_an_event_uses_few_modules(earlier: list[tuple[str, Any]], moment: str, fact: Any) -> None:
    complaint = ComplaintBuilder()
    for at, before in earlier:
        complaint.receive(at, before)
    modules = modules_used(lambda: complaint.receive(moment, fact))
    assert len(modules) <= MODULES_MAX, sorted(modules)


def test_a_decision_on_a_tick_uses_few_modules() -> None:
    complaint = ComplaintBuilder()
    for moment, fact in TOLD:
        complaint.receive(moment, fact)
    state = complaint.state
    assert state and state.due_at
    now = state.due_at + timedelta(seconds=1)
    modules = modules_used(lambda: decide(state, Tick(now), SlaContext(now, complaint.rulebook)))
    assert len(modules) <= MODULES_MAX, sorted(modules)
