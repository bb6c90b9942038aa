"""Short fault profile: one stack, several faults under steady load, then every invariant.

Kafka is down for 20 s here and for 90 s in the long profile (`make faults`), which also has more kinds of faults.
"""

import sys
from collections.abc import Iterator

import pytest

from tests.faults import injectors as i
from tests.faults.invariants import INVARIANTS, Evidence, summarize
from tests.faults.system_under_test import NAMES, SHORT_TIMEOUTS, SystemUnderTest
from tests.running_stack import run_stack

pytestmark = pytest.mark.timeout(600)  # the fixtures count as the first test's time
# PostgreSQL's faults come after the kills because a consumer group waits 30 s for a killed member: they overlap.
FAULTS_UNDER_LOAD = (
    ("Kafka is restarted", i.restart_kafka),
    ("Kafka is down for 20 s", i.stop_kafka(20)),
    ("each service is killed", i.kill(*NAMES)),
    ("PostgreSQL is restarted, fast and as after a crash", i.restart_postgres("fast", "immediate")),
)
DELIVERY_FAULTS = (
    ("everything is delivered twice", i.duplicate_all_events),
    ("malformed records are published", i.publish_malformed_records()),
)


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SystemUnderTest]:
    home = tmp_path_factory.mktemp("faults")
    with run_stack(home, SHORT_TIMEOUTS) as running_stack:
        yield SystemUnderTest(running_stack, home, lambda sentence: sys.stderr.write(f"{sentence}\n"), is_short=True)


@pytest.fixture(scope="module")
def evidence(system: SystemUnderTest) -> Evidence:
    """Inject all faults under load, wait until the system is idle, and collect the evidence."""
    for part in (FAULTS_UNDER_LOAD, DELIVERY_FAULTS):
        with system.run_load(rate=8):
            for name, inject in part:
                system.log_progress(name)
                inject(system)
        system.wait_until_ready()
        system.log_progress(f"{system.count_accepted()} complaints accepted; waiting until the system is idle")
        system.log_progress(f"idle after {system.wait_until_idle():.1f} s")
    return system.collect_evidence()


@pytest.mark.parametrize("name", INVARIANTS)
def test_the_invariant_holds_after_all_faults(evidence: Evidence, name: str) -> None:
    violations = summarize(INVARIANTS[name](evidence))
    assert not violations


def test_the_load_and_the_faults_had_an_effect(evidence: Evidence) -> None:
    """Check that the invariants were tested: enough complaints, malformed records and unknown outcomes."""
    assert len(evidence.requests.accepted()) > 200
    assert len(evidence.snapshot.malformed) == 10
    assert evidence.without_kafka and evidence.snapshot.samples
    assert any(attempt.status is None or attempt.status == 503 for attempt in evidence.requests.attempts), (
        "no request had an unknown outcome"
    )
