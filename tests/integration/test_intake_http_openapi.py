"""OpenAPI document of intake."""

from services.intake.forms.complaint import EXAMPLE
from tests.integration.intake_client import POST, IntakeClient

# ── description ────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_openapi_describes_every_endpoint_with_examples_and_problems(intake: IntakeClient) -> None:
    api = (await intake.http.get("/openapi.json")).json()
    assert api["openapi"].startswith("3.1")
    assert {path for path in api["paths"] if path.startswith(POST)} == {
        POST,
        f"{POST}:batch",
        f"{POST}/by-reference/{{reference}}",
        f"{POST}/{{complaint_id}}",
        f"{POST}/{{complaint_id}}/timeline",
        *(
            f"{POST}/{{complaint_id}}/{fact}"
            for fact in ("messages", "progress", "resolution", "milestones", "reopen", "withdraw", "feedback")
        ),
    }
    assert api["components"]["schemas"]["ComplaintForm"]["examples"] == [EXAMPLE]
    assert api["components"]["schemas"]["MilestoneForm"]["examples"][0]["milestone"] == "action_completed"
    filing = api["paths"][POST]["post"]
    assert {"201", "400", "401", "403", "413", "415", "422", "503"} <= filing["responses"].keys()
    assert "application/problem+json" in filing["responses"]["422"]["content"]
    assert [parameter["name"] for parameter in filing["parameters"]] == ["Idempotency-Key"]
    assert POST in (await intake.http.get("/docs")).text
