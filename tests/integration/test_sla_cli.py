"""Commands `redress sla …` against a running service: rulebook files are drafted, published and rolled back."""

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
import uvicorn
from typer.testing import CliRunner

from deploy.cli import app as cli
from services.sla.app import build
from services.sla.policies.loader import STANDARD
from shared.auth import SCOPES, create_token
from tests.integration.service_client import Keys, asgi_app, open_runtime
from tests.integration.sla_client import sla_settings

STORM = """
[[calendar]]
id = "office"
version = 2
tz = "UTC"
holiday_rule = "civil_day"
holidays = ["2026-12-01"]
weekly_hours = { mon = [["09:00", "17:00"]], tue = [["09:00", "17:00"]], wed = [["09:00", "17:00"]] }
"""


@contextmanager
def serve_sla(dsn: str, keys: Keys) -> Iterator[int]:
    """Run the endpoints of sla on a free port, in a thread with its own event loop."""
    ready = threading.Event()
    ports: list[int] = []

    async def serve() -> None:
        app = build(sla_settings(dsn, keys))
        async with open_runtime(app) as runtime:
            config = uvicorn.Config(asgi_app(app, runtime), port=0, log_config=None, lifespan="off")
            config.load()
            server.config = config
            await server.startup()
            ports.append(server.servers[0].sockets[0].getsockname()[1])
            ready.set()
            await server.main_loop()
            await server.shutdown()

    server = uvicorn.Server(uvicorn.Config(app=lambda: None, lifespan="off"))
    server.lifespan = _NoLifespan()  # type: ignore[assignment]
    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    assert ready.wait(60)
    yield ports[0]
    server.should_exit = True
    thread.join(20)


class _NoLifespan:
    should_exit = False
    state: dict[str, object] = {}  # noqa: RUF012

    async def startup(self) -> None: ...

    async def shutdown(self) -> None: ...


@pytest.fixture
def run(dsns: dict[str, str], keys: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> Iterator[CliRunner]:
    token = create_token(keys[0], client="ops", scopes=frozenset(SCOPES), lasts=timedelta(hours=1), audience="redress")
    with serve_sla(dsns["sla"], keys) as port:
        monkeypatch.setenv("REDRESS_SLA_URL", f"http://127.0.0.1:{port}")
        monkeypatch.setenv("REDRESS_TOKEN", token)
        monkeypatch.setenv("COLUMNS", "200")
        yield CliRunner()


def write_rulebook(folder: Path, more: str = "") -> Path:
    file = folder / "rulebook.toml"
    file.write_text(STANDARD.read_text("utf-8") + more, "utf-8")
    return file


def test_a_file_is_published_as_a_revision_and_rolled_back(run: CliRunner, tmp_path: Path) -> None:
    def output(*arguments: str) -> str:
        result = run.invoke(cli, ["sla", *arguments])
        assert result.exit_code == 0, result.output
        return result.output

    made = output("draft", str(write_rulebook(tmp_path, STORM)))
    assert "Calendar 'office' changes from version 1 to 2." in made
    assert "Calendar 'office' changes from version 1 to 2." in output("diff")
    early = run.invoke(cli, ["sla", "publish", "--mode", "rebase_open", "--reason", "a storm"])
    assert (early.exit_code, "dry run" in early.output) == (1, True)
    assert "promises touched (must be 0)" in output("dry-run", "--mode", "rebase_open")
    assert "0 breaches more and 0 fewer" in output("back-test", "--days", "30")
    assert "Revision 2 is in force." in output("publish", "--mode", "rebase_open", "--reason", "a storm")
    nothing_left = run.invoke(cli, ["sla", "diff"])
    assert (nothing_left.exit_code, "There is no draft" in nothing_left.output) == (1, True)

    assert "version 2 to 1" in output("roll-back", "1")
    output("dry-run", "--mode", "new_only")
    output("publish", "--mode", "new_only", "--reason", "no storm after all")
    listed = json.loads(output("revisions", "--json"))
    assert [(revision["revision"], revision["mode"], revision["actor"]) for revision in listed] == [
        (3, "new_only", "ops"), (2, "rebase_open", "ops"), (1, "new_only", "rulebook file"),
    ]  # fmt: skip
    assert json.loads(output("show", "2"))["calendar"][-1]["version"] == 2


def test_an_invalid_file_is_refused_with_a_message_and_leaves_no_draft(run: CliRunner, tmp_path: Path) -> None:
    backwards = STORM.replace('["2026-12-01"]', '["2026-12-01", "2026-12-01"]')
    refused = run.invoke(cli, ["sla", "draft", str(write_rulebook(tmp_path, backwards))])
    assert (refused.exit_code, "2026-12-01 is listed twice" in refused.output) == (1, True)
    (tmp_path / "odd.toml").write_text("[[calendar]\n", "utf-8")
    odd = run.invoke(cli, ["sla", "draft", str(tmp_path / "odd.toml")])
    assert (odd.exit_code, "is not TOML" in odd.output) == (2, True)
    assert "Traceback" not in refused.output + odd.output
    assert json.loads(run.invoke(cli, ["sla", "drafts", "--json"]).output) == []


def test_a_draft_is_replaced_and_discarded_and_must_be_named_if_there_are_several(
    run: CliRunner, tmp_path: Path
) -> None:
    first = json.loads(run.invoke(cli, ["sla", "draft", str(write_rulebook(tmp_path)), "--json"]).output)
    assert first["diff"]["changes"] == []
    again = run.invoke(
        cli, ["sla", "draft", str(write_rulebook(tmp_path, STORM)), "--replace", first["draft_id"], "--json"]
    )
    assert json.loads(again.output)["version"] == 2
    run.invoke(cli, ["sla", "draft", str(write_rulebook(tmp_path))])
    which = run.invoke(cli, ["sla", "diff"])
    assert (which.exit_code, "name one of them" in which.output) == (1, True)
    assert run.invoke(cli, ["sla", "discard", first["draft_id"]]).exit_code == 0
    assert len(json.loads(run.invoke(cli, ["sla", "drafts", "--json"]).output)) == 1
