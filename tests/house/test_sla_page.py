"""Rules of docs/sla.md: its table of clock types and its endpoints agree with the code."""

import re

from services.sla.domain.clock_types import CLOCK_TYPES
from tests.house.source_files import ROOT

PAGE = (ROOT / "docs" / "sla.md").read_text("utf-8")
REOPENED = {None: "untouched", "new_cycle": "new cycle", "continue": "goes on"}


def words(names) -> str:
    return ", ".join(f"`{name}`" for name in sorted(names)) or "–"


def row(name: str) -> str:
    """Return the row of a clock type in the page."""
    kind = CLOCK_TYPES[name]
    reopen = "starts again if it was cancelled" if kind.restarts_if_cancelled else REOPENED[kind.reopen]
    reopen += "" if kind.counts_closed_time else ", without the time it was closed"
    runs = "one per item" if kind.per_item else "again after each stop" if kind.restarts else "one at a time"
    cells = (words(kind.starts), words(kind.stops), words(kind.cancels), words(kind.pauses), reopen, runs, kind.owner)
    return f"| `{name}` | {' | '.join(cells)} |"


def test_the_table_of_clock_types_in_the_page_is_current() -> None:
    rows = [line for line in PAGE.splitlines() if re.match(r"\| `[a-z_0-9]+` \|", line) and "`" in line.split("|")[2]]
    kinds = [line for line in rows if line.split("`")[1] in CLOCK_TYPES]
    assert kinds == [row(name) for name in CLOCK_TYPES]


def test_every_endpoint_in_the_page_exists() -> None:
    code = "\n".join(path.read_text("utf-8") for path in (ROOT / "services" / "sla" / "routes").glob("*.py"))
    paths = set(re.findall(r"(?:GET|POST) (/v1/[^\s`?]+)", PAGE))
    assert paths
    missing = [path for path in paths if re.sub(r"\{[a-z_]+\}", "{}", path.removeprefix("/v1")) not in _paths(code)]
    assert not missing


def _paths(code: str) -> set[str]:
    return {re.sub(r"\{[a-z_]+\}", "{}", path) for path in re.findall(r'"(/[a-z{][^"]*)"', code)}
