"""Audit of the stack after the other stories: stored states of sla agree with the events, and dates can be explained."""

import json
import os
import subprocess
import sys
from pathlib import Path

from deploy.local.provision import service_dsn
from tests.running_stack import Ground, until

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 60.0
WHO = {"name": "Customer 77", "email": "customer77@example.org", "locale": "en-GB", "timezone": "Europe/London"}


def redress(ground: Ground, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run the command line for this stack."""
    ports, accounts = ground.stack.ports, json.loads((ground.stack.home / "secrets" / "postgres.json").read_text())
    environment = {
        **os.environ,
        "REDRESS_TOKEN": ground.token,
        "REDRESS_KAFKA": f"127.0.0.1:{ports.kafka}",
        "REDRESS_SLA_URL": ports.url("sla"),
        "SLA_POSTGRES": service_dsn(f"postgresql://127.0.0.1:{ports.postgres}/redress", "sla", accounts["sla"]),
    }
    command = [sys.executable, "-m", "deploy.cli", "sla", *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False)


def test_stored_clocks_and_promises_agree_with_the_events_and_dates_can_be_explained(ground: Ground) -> None:
    filed = ground.client("intake").post(
        "/v1/complaints",
        headers={"idempotency-key": "refolded-1"},
        json={"customer": WHO, "channel": "web", "subject": "Refund", "narrative": "My refund is late."},
    )
    assert filed.status_code == 201, filed.text
    complaint = filed.json()["id"]
    sla = ground.client("sla")

    def was_customer_told() -> bool:
        answer = sla.get(f"/v1/complaints/{complaint}/clocks")
        return answer.is_success and any(promise["told_at"] for promise in answer.json()["promises"])

    until(was_customer_told, seconds=PATIENCE, what="a date that the customer was told")
    explained = redress(ground, "explain", complaint, "--for", "customer")
    assert explained.returncode == 0, explained.stderr
    assert "We promised you an answer by" in explained.stdout

    def well() -> str | None:
        result = redress(ground, "check", "--json")
        return result.stdout if result.returncode == 0 else None

    report = json.loads(until(well, seconds=PATIENCE, what="a check without differences", every=1.0))
    assert report["well"]
    assert report["complaints"] >= 1
    assert report["events"] > report["complaints"]
