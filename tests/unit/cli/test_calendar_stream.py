"""Streams of lines through `redress calendar compute`: order, errors, files and closed outputs."""

import json
import os
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from deploy.cli import app
from tests.unit.cli.test_calendar_compute import LINE, VECTORS


def run_compute(text: str, *arguments: str) -> tuple[int, list[dict[str, Any]]]:
    done = CliRunner().invoke(app, ["calendar", "compute", *arguments], input=text)
    return done.exit_code, [json.loads(line) for line in done.stdout.splitlines()]


def test_lines_are_answered_in_their_order_and_errors_do_not_end_the_stream(tmp_path: Path) -> None:
    text = f"{LINE}\nrubbish\n\n{LINE}"
    code, answers = run_compute(text)
    assert code == 0
    assert [next(iter(answer)) for answer in answers] == ["due", "error", "error", "due"]
    file = tmp_path / "lines.jsonl"
    file.write_text(text)
    assert run_compute("", str(file)) == (code, answers)
    assert run_compute(text, "-") == (code, answers)


def test_a_missing_file_exits_with_code_two(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["calendar", "compute", str(tmp_path / "none")])
    assert done.exit_code == 2
    assert "cannot read" in done.output


def test_a_closed_output_pipe_ends_the_command_without_an_error(tmp_path: Path) -> None:
    file = tmp_path / "lines.jsonl"
    file.write_text(f"{LINE}\n" * 20_000)
    with subprocess.Popen(
        [sys.executable, "-m", "deploy.cli", "calendar", "compute", str(file)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=Path(__file__).parents[3],
        env={**os.environ, "PYTHONWARNINGS": "default"},
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert json.loads(process.stdout.readline()) == {"due": "2026-03-02T10:00:00+00:00"}
        process.stdout.close()
        assert process.wait(60) == 0
        assert b"Broken" not in process.stderr.read()


@pytest.mark.parametrize("sink", [">&-", ">/dev/full"])
def test_a_failed_write_ends_the_command_with_one_sentence(tmp_path: Path, sink: str) -> None:
    if sink == ">/dev/full" and not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    file = tmp_path / "lines.jsonl"
    file.write_text(f"{LINE}\n" * 300)
    done = subprocess.run(
        ["/bin/sh", "-c", f'"$0" -m deploy.cli calendar compute "$1" {sink}', sys.executable, str(file)],
        stderr=subprocess.PIPE,
        cwd=Path(__file__).parents[3],
        env={**os.environ, "PYTHONWARNINGS": "default"},
        check=False,
        timeout=60,
    )
    assert done.returncode == 1
    (sentence,) = done.stderr.decode().splitlines()
    assert sentence.startswith("cannot ")


KINDS = ("add", "subtract", "elapsed", "add_with_pauses", "elapsed_with_pauses")
OTHER_CONVENTIONS = {"zendesk-007", "zendesk-008", "zendesk-019", "workinghou-127"}  # see test_calendar_vectors


def matches_expected(vector: dict[str, Any], answer: dict[str, Any]) -> bool:
    if "due" in answer:
        return datetime.fromisoformat(answer["due"]) == datetime.fromisoformat(vector["expected"])
    return answer.get("elapsed_seconds") == vector["expected"]


@pytest.mark.skipif(not VECTORS.exists(), reason="the vectors of other projects are not part of the repository")
def test_vectors_of_other_projects_give_their_results_except_for_listed_conventions() -> None:
    vectors = [vector for vector in json.loads(VECTORS.read_text())["vectors"] if vector["kind"] in KINDS]
    code, answers = run_compute("\n".join(json.dumps(vector) for vector in vectors))
    assert code == 0
    assert len(answers) == len(vectors) == 177
    differing = {
        vector["id"] for vector, answer in zip(vectors, answers, strict=True) if not matches_expected(vector, answer)
    }
    assert differing == OTHER_CONVENTIONS
