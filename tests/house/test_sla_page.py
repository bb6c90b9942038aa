"""docs/sla.md says what the table of kinds says; its sentences about doors name doors that exist."""

import re

from services.sla.domain.clock_types import KINDS
from tests.house.source_files import ROOT

PAGE = (ROOT / "docs" / "sla.md").read_text("utf-8")
REOPENED = {None: "untouched", "new_cycle": "new cycle", "continue": "goes on"}


def words(names) -> str:
    return ", ".join(f"`{name}`" for name in sorted(names)) or "–"


def row(name: str) -> str:
    """One kind as the page has it."""
    kind = KINDS[name]
    reopen = "begins anew what was cancelled" if kind.revives else REOPENED[kind.reopen]
    reopen += "" if kind.closed_counts else ", without the time it was closed"
    runs = "one per item" if kind.per_item else "again after each stop" if kind.again else "one at a time"
    cells = (words(kind.starts), words(kind.stops), words(kind.cancels), words(kind.pauses), reopen, runs, kind.owner)
    return f"| `{name}` | {' | '.join(cells)} |"


def test_the_table_of_clock_types_in_the_page_is_current() -> None:
    found = [line for line in PAGE.splitlines() if re.match(r"\| `[a-z_0-9]+` \|", line) and "`" in line.split("|")[2]]
    kinds = [line for line in found if line.split("`")[1] in KINDS]
    assert kinds == [row(name) for name in KINDS]


def test_every_endpoint_in_the_page_exists() -> None:
    code = "\n".join(path.read_text("utf-8") for path in (ROOT / "services" / "sla" / "routes").glob("*.py"))
    doors = set(re.findall(r"(?:GET|POST) (/v1/[^\s`?]+)", PAGE))
    assert doors
    missing = [door for door in doors if re.sub(r"\{[a-z_]+\}", "{}", door.removeprefix("/v1")) not in _paths(code)]
    assert not missing


def _paths(code: str) -> set[str]:
    return {re.sub(r"\{[a-z_]+\}", "{}", path) for path in re.findall(r'"(/[a-z{][^"]*)"', code)}
