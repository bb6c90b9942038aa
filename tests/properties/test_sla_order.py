"""A policy is refused exactly if no complaint reaches it: compared with every complaint of a small set of facts."""

from itertools import combinations, product
from random import Random

import pytest

from services.sla.policies import MatchFacts, Policy
from services.sla.policies.model import When
from services.sla.policies.reachability import require_reachable
from shared.errors import Rejected

BOOKS = 1_500
CATEGORIES = ((), ("a",), ("a", "b"), ("a", "c"), ("d",))
SEVERITIES, CHANNELS, SIGNALS = ("low", "normal"), ("web", "chat"), ("abuse", "safety")
WORLD = [
    MatchFacts(category=category, severity=severity, channel=channel, signals=signals)
    for category, severity, channel, signals in product(
        CATEGORIES,
        (None, *SEVERITIES),
        (None, *CHANNELS),
        [entry for n in range(3) for entry in combinations(SIGNALS, n)],
    )
]
RULE = {"kind": "requester_wait", "goal": {"wall": "PT1H"}}


def some(rng: Random, words: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(rng.sample(words, rng.choice((0, 0, 1, 1, 2))))


def drawn(rng: Random) -> When:
    return When(
        category=some(rng, ("a", "a/b", "a/c", "d")),
        severity=some(rng, SEVERITIES),
        channel=some(rng, CHANNELS),
        signal=some(rng, SIGNALS),
    )


def policies(whens: list[When]) -> tuple[Policy, ...]:
    data = {"version": 1, "calendar": "office", "clocks": [RULE]}
    return tuple(
        Policy.model_validate({**data, "id": f"p{n}", "when": when.model_dump()}) for n, when in enumerate(whens)
    )


def nothing_left(whens: list[When]) -> bool:
    """Return True if a policy is the first match of no complaint."""
    reached = {next((n for n, when in enumerate(whens) if when.matches(request)), None) for request in WORLD}
    return not set(range(len(whens))) <= reached


def test_exactly_what_no_complaint_reaches_is_refused() -> None:
    rng, refused = Random(), 0
    for _ in range(BOOKS):
        whens = [when for when in (drawn(rng) for _ in range(rng.randint(2, 7))) if not when.is_unconditional]
        ordered = policies([*whens, When()])
        if nothing_left(whens):
            refused += 1
            with pytest.raises(Rejected, match="can never match"):
                require_reachable(ordered)
        else:
            assert require_reachable(ordered) == ordered
    assert BOOKS // 20 < refused < BOOKS
