"""The command line against a whole running stack, as a person uses it."""

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
WHO = ["--set", "customer.locale=en", "--set", "customer.timezone=UTC", "--set", "channel=web"]
HOW = ["--key", "id", "--map", "narrative=text", "--set", "customer.email=c{id}@example.com", *WHO]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Everything, on ports of its own; the environment tells commands where."""
    home, places = tmp_path_factory.mktemp("cli"), PortConfig.free()
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("REDRESS_HOME", str(home))
        for name, variable in VARIABLES.items():
            environment.setenv(variable, str(getattr(places, name)))
        for variable in ("REDRESS_KAFKA", "REDRESS_POSTGRES", "REDRESS_TOKEN"):
            environment.delenv(variable, raising=False)
        with Stack(home, ports=places) as started:
            yield started


@pytest.fixture
def run(stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    monkeypatch.chdir(tmp_path)
    return CliRunner()


def rows(path: Path, *items: dict[str, Any]) -> str:
    path.write_text("".join(json.dumps(item) + "\n" for item in items))
    return str(path)


def test_status_doctor_and_topics_find_nothing_to_do(run: CliRunner) -> None:
    for command in (["status"], ["doctor"], ["topics", "check"], ["dead", "list"]):
        done = run.invoke(app, command)
        assert done.exit_code == 0, done.output
    assert run.invoke(app, ["topics", "create"]).output == "Nothing to create.\n"
    listed = json.loads(run.invoke(app, ["topics", "list", "--json"]).output)
    assert {topic["partitions"] for topic in listed} == {12}
    assert len(listed) == 8


def test_rows_go_in_once_however_often_they_are_sent_and_the_counts_agree(run: CliRunner, tmp_path: Path) -> None:
    stories = [{"id": f"once-{n}", "text": f"The lamp number {n} arrived broken."} for n in range(30)]
    file = rows(tmp_path / "rows.jsonl", *stories)
    first = json.loads(run.invoke(app, ["submit", file, *HOW, "--wait", "--json"]).stdout)
    again = json.loads(run.invoke(app, ["submit", file, *HOW, "--wait", "--json"]).stdout)
    assert (first["accepted"], first["replayed"], first["rejected"]) == (30, 0, 0)
    assert (again["accepted"], again["replayed"], again["rejected"]) == (0, 30, 0)
    assert first["complaints"] == first["triaged"] == first["acknowledged"] == 30


def test_rows_that_intake_refuses_are_listed_and_the_others_go_in(run: CliRunner, tmp_path: Path) -> None:
    file = rows(
        tmp_path / "mixed.jsonl",
        {"id": "mixed-1", "text": "Nobody called back.", "mail": "a@example.com"},
        {"id": "mixed-2", "text": "Nobody called back.", "mail": "not an address"},
        {"id": "mixed-3", "text": "", "mail": "b@example.com"},
        {"id": "mixed-4", "text": "With a control\u0007 character.", "mail": "c@example.com"},
    )
    how = ["--key", "id", "--map", "narrative=text", "--map", "customer.email=mail", *WHO]
    done = run.invoke(app, ["submit", file, *how, "--json"])
    told = json.loads(done.stdout)
    assert done.exit_code == 1
    assert (told["accepted"], told["rejected"], told["cleaned"]) == (2, 2, 1)
    listed = [json.loads(line) for line in Path("mixed.rejects.jsonl").read_text().splitlines()]
    assert {(item["line"], item["reason"].split(":")[0]) for item in listed} == {
        (2, "customer.email"),
        (3, "narrative"),
    }
    assert "not an address" not in Path("mixed.rejects.jsonl").read_text()


def test_a_key_that_stands_for_other_words_already_is_refused(run: CliRunner, tmp_path: Path) -> None:
    one = rows(tmp_path / "one.jsonl", {"id": "same", "text": "It is blue."})
    other = rows(tmp_path / "other.jsonl", {"id": "same", "text": "It is green."})
    assert run.invoke(app, ["submit", one, *HOW]).exit_code == 0
    done = run.invoke(app, ["submit", other, *HOW, "--json"])
    assert json.loads(done.stdout)["rejected"] == 1


def test_csv_from_a_pipe_goes_in(run: CliRunner) -> None:
    table = 'id;text\r\npipe-1;"Two lines,\r\none complaint"\r\npipe-2;One line\r\n'
    done = run.invoke(app, ["submit", "-", *HOW, "--json"], input=gzip.compress(table.encode()))
    assert json.loads(done.stdout)["accepted"] == 2


def test_a_token_without_the_scope_is_a_sentence(
    run: CliRunner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = run.invoke(app, ["token", "create", "--client", "reader", "--scope", "complaints:read"]).stdout.strip()
    monkeypatch.setenv("REDRESS_TOKEN", made)
    file = rows(tmp_path / "rows.jsonl", {"id": "denied", "text": "No."})
    done = run.invoke(app, ["submit", file, *HOW])
    assert done.exit_code == 2
    assert "complaints:write" in done.stderr


def test_real_complaints_go_in_and_come_out(run: CliRunner, tmp_path: Path) -> None:
    if not DATA.exists():
        pytest.skip(f"the development data is not here: {DATA.name}")
    with gzip.open(DATA) as packed:
        (tmp_path / "real.jsonl").write_bytes(b"".join(packed.readline() for _ in range(150)))
    how = [*HOW, "--map", "received_at=created_at", "--map", "product=label", "--wait", "--json"]
    told = json.loads(run.invoke(app, ["submit", "real.jsonl", *how]).stdout)
    assert told["accepted"] == told["triaged"] == told["acknowledged"] == 150


async def test_every_sample_reaches_its_state_and_its_mailbox(stack: Stack) -> None:
    trails = await run_scenarios(stack.ports.url("intake"), stack.ports.url("mailbox"))
    assert len(trails) >= 60
    assert {trail.sample: trail.problems for trail in trails if trail.problems} == {}


def test_a_dead_letter_is_listed_shown_and_given_up_without_its_words(stack: Stack, run: CliRunner) -> None:
    complaint = uuid4()
    asyncio.run(_poison(stack, str(complaint)))
    listed = _dead(run)
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


async def _poison(stack: Stack, key: str) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=stack.bootstrap)
    await producer.start()
    try:
        await producer.send_and_wait(INTAKE.topic, b'{"name": "Customer 12", "nonsense": true}', key=key.encode())
    finally:
        await producer.stop()


@retry(retry=retry_if_result(lambda found: len(found) < 3), stop=stop_after_delay(60), wait=wait_fixed(0.2))
def _dead(run: CliRunner) -> list[dict[str, Any]]:
    """Until all three readers have buried it."""
    done = run.invoke(app, ["dead", "list", "--json"])
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found
