from typing import Any

from services.sla.app import build
from services.sla.settings import Settings
from shared.contracts import INTAKE, NOTIFY, TRIAGE
from tests.wiring.conftest import check_wiring


async def test_sla_hands_the_unchanged_events_of_its_topics_to_the_runner(options: dict[str, Any]) -> None:
    await check_wiring(build(Settings(**options)), (INTAKE, TRIAGE, NOTIFY))
