from typing import Any

from services.intake.app import build
from services.intake.settings import Settings
from shared.contracts import NOTIFY, SLA, TRIAGE
from tests.wiring.conftest import check_wiring


async def test_intake_hands_the_unchanged_events_of_its_topics_to_the_runner(options: dict[str, Any]) -> None:
    await check_wiring(build(Settings(**options)), (TRIAGE, SLA, NOTIFY))
