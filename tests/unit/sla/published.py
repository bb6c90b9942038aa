"""Rulebooks in several revisions: the plain one of `lives`, published again with something changed."""

from collections.abc import Sequence
from copy import deepcopy
from datetime import date
from typing import Any

from services.sla.policies import Document, Mode, Rulebook, build_rulebook
from tests.unit.sla.lives import OFFICE, POLICY

Data = dict[str, Any]
PLAIN: Data = {"calendar": [OFFICE], "policy": [POLICY]}


def closed_on(*days: str, version: int = 2, before: Data = PLAIN) -> Data:
    """Return the rulebook with these holidays, as the next version of its calendar."""
    data = deepcopy(before)
    office = data["calendar"][-1]
    holidays = [*office.get("holidays", []), *({"on": day, "name": "storm"} for day in days)]
    data["calendar"].append({**office, "version": version, "holidays": holidays})
    return data


def with_goal(goal: Data, *, version: int = 2, before: Data = PLAIN, **changes: Any) -> Data:
    """Return the rulebook with another goal for the answer, as the next version of its policy."""
    data = deepcopy(before)
    policy = data["policy"][-1]
    answer = {**policy["clocks"][-1], "goal": goal, **changes}
    data["policy"].append({**policy, "version": version, "clocks": [*policy["clocks"][:-1], answer]})
    return data


def published(*revisions: tuple[Data, Mode], previous: Rulebook | None = None) -> Rulebook:
    """Compile these revisions after the plain one, numbered from 1."""
    documents = _numbered([(PLAIN, "new_only"), *revisions])
    return build_rulebook(documents, around=date(2026, 11, 1), previous=previous)


def _numbered(revisions: Sequence[tuple[Data, Mode]]) -> list[Document]:
    return [
        Document(data, number=number, mode=mode, reason=f"reason {number}", actor=f"actor {number}")
        for number, (data, mode) in enumerate(revisions, start=1)
    ]
