"""Audit of the stack after the other stories: stored states of sla agree with the events, and dates can be explained."""

import json
import os
import subprocess
import sys
from pathlib import Path

from deploy.local.provision import service_dsn
from tests.running_stack import RunningStack, wait_until

ROOT = Path(__file__).resolve().parents[2]
TIMEOUT_SECONDS = 60.0
CUSTOMER = {"name": "Customer 77", "email": "customer77@example.org", "locale": "en-GB", "timezone": "Europe/London"}


def run_cli(running_stack: RunningStack, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run the command line for this stack."""
    ports, accounts = (
        running_stack.stack.ports,
        json.loads((running_stack.stack.home / "secrets" / "postgres.json").read_text()),
    )
    environment = {
        **os.environ,
        "REDRESS_TOKEN": running_stack.token,
        "REDRESS_KAFKA": f"127.0.0.1:{ports.kafka}",
        "REDRESS_SLA_URL": ports.url("sla"),
        "SLA_POSTGRES": service_dsn(f"postgresql://127.0.0.1:{ports.postgres}/redress", "sla", accounts["sla"]),
    }
    command = [sys.executable, "-m", "deploy.cli", "sla", *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False)


def test_stored_clocks_and_promises_agree_with_the_events_and_dates_can_be_explained(
    running_stack: RunningStack,
) -> None:
    created = running_stack.client("intake").post(
        "/v1/complaints",
        headers={"idempotency-key": "audit-1"},
        json={"customer": CUSTOMER, "channel": "web", "subject": "Refund", "narrative": "My refund is late."},
    )
    assert created.status_code == 201, created.text
    complaint = created.json()["id"]
    sla = running_stack.client("sla")

    def has_promise_in_message() -> bool:
        answer = sla.get(f"/v1/complaints/{complaint}/clocks")
        return answer.is_success and any(promise["told_at"] for promise in answer.json()["promises"])

    wait_until(has_promise_in_message, seconds=TIMEOUT_SECONDS, what="a message with the promised date")
    explained = run_cli(running_stack, "explain", complaint, "--for", "customer")
    assert explained.returncode == 0, explained.stderr
    assert "We promised you an answer by" in explained.stdout

    def audit_report() -> str | None:
        result = run_cli(running_stack, "check", "--json")
        return result.stdout if result.returncode == 0 else None

    report = json.loads(
        wait_until(audit_report, seconds=TIMEOUT_SECONDS, what="an audit without differences", every=1.0)
    )
    assert report["well"]
    assert report["complaints"] >= 1
    assert report["events"] > report["complaints"]
