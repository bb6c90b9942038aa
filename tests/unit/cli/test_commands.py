"""Commands of the command line: sentences, exit codes, and no personal data in the output."""

import json
from datetime import timedelta
from pathlib import Path

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from typer.testing import CliRunner

from deploy.cli import app
from deploy.cli.token import parse_lifetime
from shared.auth import create_keys
from shared.errors import Misconfigured

NOWHERE = "http://127.0.0.1:9"  # the discard port, where no program listens
SERVICES = ("INTAKE", "TRIAGE", "SLA", "NOTIFY")


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    """Command line with an empty home folder and services that do not answer."""
    monkeypatch.chdir(tmp_path)
    for name in ("REDRESS_KAFKA", "REDRESS_POSTGRES", "REDRESS_TOKEN", "REDRESS_AUTH_PRIVATE_KEY_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("REDRESS_HOME", str(tmp_path / "home"))
    for service in SERVICES:
        monkeypatch.setenv(f"REDRESS_{service}_URL", NOWHERE)
    return CliRunner()


@pytest.fixture
def keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    private, public = tmp_path / "private.pem", tmp_path / "public.pem"
    create_keys(private, public)
    monkeypatch.setenv("REDRESS_AUTH_PRIVATE_KEY_FILE", str(private))
    return public


def test_help_lists_every_command_and_the_exit_codes(cli: CliRunner) -> None:
    text = cli.invoke(app, ["--help"]).output
    for command in ("up", "demo", "status", "submit", "dead", "topics", "token", "doctor", "Exit codes"):
        assert command in text


def test_a_token_has_the_requested_claims(cli: CliRunner, keys: Path) -> None:
    result = cli.invoke(
        app, ["token", "create", "--client", "shop", "--scope", "complaints:read", "--expires", "2h", "--json"]
    )
    assert result.exit_code == 0
    document = json.loads(result.output)
    public = serialization.load_pem_public_key(keys.read_bytes())
    claims = jwt.decode(document["token"], public, algorithms=["EdDSA"], audience="redress")
    assert (claims["sub"], claims["scope"]) == ("shop", "complaints:read")
    assert claims["exp"] - claims["iat"] == 7200


def test_token_create_prints_only_the_token(cli: CliRunner, keys: Path) -> None:
    result = cli.invoke(app, ["token", "create", "--client", "shop"])
    assert result.stdout.count("\n") == 1
    assert result.stdout.count(".") == 2


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--client", "a b"], "--client"),
        (["--client", "shop", "--scope", "everything"], "complaints:write"),
        (["--client", "shop", "--expires", "never"], "12h, 30d or 8w"),
        (["--client", "shop", "--expires", "400d"], "a year at most"),
    ],
)
def test_an_invalid_token_request_exits_with_code_two_and_a_sentence(
    cli: CliRunner, keys: Path, arguments: list[str], sentence: str
) -> None:
    result = cli.invoke(app, ["token", "create", *arguments])
    assert result.exit_code == 2
    assert sentence in result.stderr
    assert "Traceback" not in result.output


def test_without_a_key_a_token_command_names_the_command_that_creates_one(cli: CliRunner) -> None:
    result = cli.invoke(app, ["token", "create", "--client", "shop"])
    assert result.exit_code == 2
    assert "redress up" in result.stderr


def test_status_without_services_exits_with_code_three_and_names_the_command_to_start(cli: CliRunner) -> None:
    result = cli.invoke(app, ["status"])
    assert result.exit_code == 3
    assert "redress up" in result.stderr


def test_status_json_lists_every_service(cli: CliRunner) -> None:
    result = cli.invoke(app, ["status", "--json"])
    statuses = json.loads(result.stdout)
    assert [status["service"] for status in statuses] == ["intake", "triage", "sla", "notify"]
    assert not any(status["well"] for status in statuses)


def test_dead_list_of_an_unavailable_service_exits_with_code_three(cli: CliRunner, keys: Path) -> None:
    result = cli.invoke(app, ["dead", "list", "--service", "sla"])
    assert result.exit_code == 3
    assert "sla does not answer" in result.stderr


def test_dead_list_of_an_unknown_service_names_the_existing_services(cli: CliRunner, keys: Path) -> None:
    result = cli.invoke(app, ["dead", "list", "--service", "billing"])
    assert result.exit_code == 2
    assert "intake, triage, sla, notify" in result.stderr


def test_a_missing_file_is_reported_in_a_sentence(cli: CliRunner, keys: Path) -> None:
    result = cli.invoke(app, ["submit", "nothing.jsonl"])
    assert result.exit_code == 1
    assert "Cannot read nothing.jsonl: no such file" in result.stderr


def test_a_wrong_mapping_is_reported_before_the_file_is_read(cli: CliRunner, keys: Path) -> None:
    result = cli.invoke(app, ["submit", "nothing.jsonl", "--map", "story=text"])
    assert result.exit_code == 2
    assert "no field story" in result.stderr


def test_submit_to_an_unavailable_intake_states_that_repeating_is_safe(
    cli: CliRunner, keys: Path, tmp_path: Path
) -> None:
    (tmp_path / "rows.jsonl").write_text('{"text": "It broke, says Customer 12."}\n')
    result = cli.invoke(app, ["submit", "rows.jsonl", "--map", "narrative=text", "--patience", "0"])
    assert result.exit_code == 3
    assert "not filed twice" in result.stderr
    assert "Customer" not in result.output


def test_rows_that_cannot_be_read_are_listed_with_line_and_reason(cli: CliRunner, keys: Path, tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text('oops\n{"id": ""}\n')
    result = cli.invoke(app, ["submit", "rows.jsonl", "--set", "customer.email=c{id}@example.com", "--json"])
    assert result.exit_code == 1
    assert json.loads(result.stdout)["rejected"] == 2
    listed = [json.loads(line) for line in (tmp_path / "rows.rejects.jsonl").read_text().splitlines()]
    assert [row["line"] for row in listed] == [1, 2]
    assert "not JSON" in listed[0]["reason"]
    assert "customer.email" in listed[1]["reason"]


def test_a_run_without_rejects_removes_the_list_of_the_previous_run(cli: CliRunner, keys: Path, tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text("\n")
    (tmp_path / "rows.rejects.jsonl").write_text("old\n")
    assert cli.invoke(app, ["submit", "rows.jsonl", "--format", "jsonl"]).exit_code == 0
    assert not (tmp_path / "rows.rejects.jsonl").exists()


def test_up_without_an_unknown_service_exits_with_code_two(cli: CliRunner) -> None:
    result = cli.invoke(app, ["up", "--without", "billing"])
    assert result.exit_code == 2
    assert "intake, triage, sla, notify" in result.stderr


@pytest.mark.parametrize(
    ("text", "expected"), [("12h", timedelta(hours=12)), ("30d", timedelta(days=30)), ("8W", timedelta(weeks=8))]
)
def test_durations_are_hours_days_or_weeks(text: str, expected: timedelta) -> None:
    assert parse_lifetime(text) == expected


@pytest.mark.parametrize("text", ["", "0d", "12", "d", "-3d", "1y", "99999w"])
def test_other_durations_are_refused(text: str) -> None:
    with pytest.raises(Misconfigured, match="--expires"):
        parse_lifetime(text)
