from typing import Any

from services.triage.app import build
from services.triage.settings import Settings
from shared.contracts import INTAKE, SLA
from tests.wiring.conftest import check_wiring


async def test_triage_hands_the_unchanged_events_of_its_topics_to_the_runner(options: dict[str, Any]) -> None:
    await check_wiring(build(Settings(**options)), (INTAKE, SLA))
