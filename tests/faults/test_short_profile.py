"""The short fault profile: one stack, one storm under steady load, then every invariant.

Kafka is away for 20 s here and for 90 s in the long profile (`make faults`), which also freezes, cuts and repeats more.
"""

import sys
from collections.abc import Iterator

import pytest

from tests.faults import injectors as i
from tests.faults.invariants import INVARIANTS, Case, summary
from tests.faults.system_under_test import BRISK, NAMES, Scene
from tests.running_stack import running

pytestmark = pytest.mark.timeout(600)  # the storm counts as the first test's time
# In this order because a group waits 30 s for a member that was killed: PostgreSQL's faults fall into that time.
STORM = (
    ("Kafka is restarted", i.kafka_restarted),
    ("Kafka is away for 20 s", i.kafka_down(20)),
    ("each service is killed", i.killed(*NAMES)),
    ("PostgreSQL is restarted, fast and as after a crash", i.postgres_restarted("fast", "immediate")),
)
AFTERMATH = (
    ("everything is delivered twice", i.everything_twice),
    ("poison arrives", i.poisoned()),
)


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    home = tmp_path_factory.mktemp("faults")
    with running(home, BRISK) as ground:
        yield Scene(ground, home, lambda sentence: sys.stderr.write(f"{sentence}\n"), haste=True)


@pytest.fixture(scope="module")
def case(scene: Scene) -> Case:
    """The storm, what follows when all has come back by itself, and what is there when it is quiet again."""
    for part in (STORM, AFTERMATH):
        with scene.load(rate=8):
            for name, inject in part:
                scene.say(name)
                inject(scene)
        scene.ready()
        scene.say(f"{scene.accepted()} complaints accepted; waiting for quiet")
        scene.say(f"quiet after {scene.quiet():.1f} s")
    return scene.case()


@pytest.mark.parametrize("name", INVARIANTS)
def test_after_the_storm_it_holds_that(case: Case, name: str) -> None:
    violations = summary(INVARIANTS[name](case))
    assert not violations


def test_the_storm_was_worth_the_name(case: Case) -> None:
    """Otherwise the invariants above would hold for nothing."""
    assert len(case.ledger.accepted()) > 200
    assert len(case.picture.poison) == 10
    assert case.without_kafka and case.picture.glances
    assert any(attempt.status is None or attempt.status == 503 for attempt in case.ledger.attempts), (
        "nothing was ever unknown"
    )
