"""Commands of the command line against a running stack."""

import asyncio
import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaProducer
from tenacity import retry, retry_if_result, stop_after_delay, wait_fixed
from typer.testing import CliRunner

from deploy.cli import app
from deploy.demo.demo import run_scenarios
from deploy.local.port_config import VARIABLES, PortConfig
from deploy.local.stack import Stack
from shared.contracts import INTAKE

DATA = Path(__file__).parents[3] / "shared" / "data" / "sets" / "sikayetvar_tr.jsonl.gz"
CUSTOMER_OPTIONS = ["--set", "customer.locale=en", "--set", "customer.timezone=UTC", "--set", "channel=web"]
SUBMIT_OPTIONS = [
    "--key",
    "id",
    "--map",
    "narrative=text",
    "--set",
    "customer.email=c{id}@example.com",
    *CUSTOMER_OPTIONS,
]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Complete stack on free ports; its addresses are set in the environment of the commands."""
    home, ports = tmp_path_factory.mktemp("cli"), PortConfig.free()
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("REDRESS_HOME", str(home))
        for name, variable in VARIABLES.items():
            environment.setenv(variable, str(getattr(ports, name)))
        for variable in ("REDRESS_KAFKA", "REDRESS_POSTGRES", "REDRESS_TOKEN"):
            environment.delenv(variable, raising=False)
        with Stack(home, ports=ports) as started:
            yield started


@pytest.fixture
def run(stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    monkeypatch.chdir(tmp_path)
    return CliRunner()


def rows(path: Path, *items: dict[str, Any]) -> str:
    path.write_text("".join(json.dumps(item) + "\n" for item in items))
    return str(path)


def test_status_doctor_and_topics_find_no_problem(run: CliRunner) -> None:
    for command in (["status"], ["doctor"], ["topics", "check"], ["dead", "list"]):
        result = run.invoke(app, command)
        assert result.exit_code == 0, result.output
    assert run.invoke(app, ["topics", "create"]).output == "Nothing to create.\n"
    listed = json.loads(run.invoke(app, ["topics", "list", "--json"]).output)
    assert {topic["partitions"] for topic in listed} == {12}
    assert len(listed) == 8


def test_rows_are_filed_once_although_sent_twice_and_the_counts_agree(run: CliRunner, tmp_path: Path) -> None:
    stories = [{"id": f"once-{n}", "text": f"The lamp number {n} arrived broken."} for n in range(30)]
    file = rows(tmp_path / "rows.jsonl", *stories)
    first = json.loads(run.invoke(app, ["submit", file, *SUBMIT_OPTIONS, "--wait", "--json"]).stdout)
    again = json.loads(run.invoke(app, ["submit", file, *SUBMIT_OPTIONS, "--wait", "--json"]).stdout)
    assert (first["accepted"], first["replayed"], first["rejected"]) == (30, 0, 0)
    assert (again["accepted"], again["replayed"], again["rejected"]) == (0, 30, 0)
    assert first["complaints"] == first["triaged"] == first["acknowledged"] == 30


def test_rejected_rows_are_listed_and_the_others_are_filed(run: CliRunner, tmp_path: Path) -> None:
    file = rows(
        tmp_path / "mixed.jsonl",
        {"id": "mixed-1", "text": "Nobody called back.", "mail": "a@example.com"},
        {"id": "mixed-2", "text": "Nobody called back.", "mail": "not an address"},
        {"id": "mixed-3", "text": "", "mail": "b@example.com"},
        {"id": "mixed-4", "text": "With a control\u0007 character.", "mail": "c@example.com"},
    )
    options = ["--key", "id", "--map", "narrative=text", "--map", "customer.email=mail", *CUSTOMER_OPTIONS]
    result = run.invoke(app, ["submit", file, *options, "--json"])
    summary = json.loads(result.stdout)
    assert result.exit_code == 1
    assert (summary["accepted"], summary["rejected"], summary["cleaned"]) == (2, 2, 1)
    listed = [json.loads(line) for line in Path("mixed.rejects.jsonl").read_text().splitlines()]
    assert {(item["line"], item["reason"].split(":")[0]) for item in listed} == {
        (2, "customer.email"),
        (3, "narrative"),
    }
    assert "not an address" not in Path("mixed.rejects.jsonl").read_text()


def test_a_key_used_for_another_content_is_rejected(run: CliRunner, tmp_path: Path) -> None:
    first = rows(tmp_path / "one.jsonl", {"id": "same", "text": "It is blue."})
    other = rows(tmp_path / "other.jsonl", {"id": "same", "text": "It is green."})
    assert run.invoke(app, ["submit", first, *SUBMIT_OPTIONS]).exit_code == 0
    result = run.invoke(app, ["submit", other, *SUBMIT_OPTIONS, "--json"])
    assert json.loads(result.stdout)["rejected"] == 1


def test_csv_from_a_pipe_is_filed(run: CliRunner) -> None:
    table = 'id;text\r\npipe-1;"Two lines,\r\none complaint"\r\npipe-2;One line\r\n'
    result = run.invoke(app, ["submit", "-", *SUBMIT_OPTIONS, "--json"], input=gzip.compress(table.encode()))
    assert json.loads(result.stdout)["accepted"] == 2


def test_a_token_without_the_scope_is_reported_in_a_sentence(
    run: CliRunner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = run.invoke(app, ["token", "create", "--client", "reader", "--scope", "complaints:read"]).stdout.strip()
    monkeypatch.setenv("REDRESS_TOKEN", token)
    file = rows(tmp_path / "rows.jsonl", {"id": "denied", "text": "No."})
    result = run.invoke(app, ["submit", file, *SUBMIT_OPTIONS])
    assert result.exit_code == 2
    assert "complaints:write" in result.stderr


def test_real_complaints_are_filed_and_processed(run: CliRunner, tmp_path: Path) -> None:
    if not DATA.exists():
        pytest.skip(f"the development data is not here: {DATA.name}")
    with gzip.open(DATA) as packed:
        (tmp_path / "real.jsonl").write_bytes(b"".join(packed.readline() for _ in range(150)))
    options = [*SUBMIT_OPTIONS, "--map", "received_at=created_at", "--map", "product=label", "--wait", "--json"]
    summary = json.loads(run.invoke(app, ["submit", "real.jsonl", *options]).stdout)
    assert summary["accepted"] == summary["triaged"] == summary["acknowledged"] == 150


async def test_every_sample_reaches_its_expected_state_and_its_mails_arrive(stack: Stack) -> None:
    results = await run_scenarios(stack.ports.url("intake"), stack.ports.url("mailbox"))
    assert len(results) >= 60
    assert {result.sample: result.problems for result in results if result.problems} == {}


def test_a_dead_letter_is_listed_shown_and_discarded_without_its_content(stack: Stack, run: CliRunner) -> None:
    complaint = uuid4()
    asyncio.run(_publish_invalid_event(stack, str(complaint)))
    listed = _list_dead_letters(run)
    assert {letter["service"] for letter in listed} == {"triage", "sla", "notify"}
    assert {letter["subject"] for letter in listed} == {str(complaint)}
    number = str(next(letter["id"] for letter in listed if letter["service"] == "sla"))
    plain = run.invoke(app, ["dead", "show", number, "--service", "sla"])
    revealed = run.invoke(app, ["dead", "show", number, "--service", "sla", "--reveal"])
    assert "Customer 12" not in plain.stdout + run.invoke(app, ["dead", "list"]).stdout
    assert "Customer 12" in revealed.stdout
    replayed = run.invoke(app, ["dead", "replay", "--service", "sla", "--json"])
    assert (replayed.exit_code, json.loads(replayed.stdout)["left"]) == (1, 1)
    assert run.invoke(app, ["status"]).exit_code == 1
    for letter in listed:
        assert run.invoke(app, ["dead", "discard", str(letter["id"]), "--service", letter["service"]]).exit_code == 0
    assert run.invoke(app, ["dead", "list"]).exit_code == 0


async def _publish_invalid_event(stack: Stack, key: str) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=stack.bootstrap)
    await producer.start()
    try:
        await producer.send_and_wait(INTAKE.topic, b'{"name": "Customer 12", "nonsense": true}', key=key.encode())
    finally:
        await producer.stop()


@retry(retry=retry_if_result(lambda letters: len(letters) < 3), stop=stop_after_delay(60), wait=wait_fixed(0.2))
def _list_dead_letters(run: CliRunner) -> list[dict[str, Any]]:
    """List the dead letters, repeated until all three subscribers have buried the event."""
    result = run.invoke(app, ["dead", "list", "--json"])
    letters: list[dict[str, Any]] = json.loads(result.stdout)
    return letters
