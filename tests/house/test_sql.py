"""Rules of SQL: statements are in the store of their service or in the storage modules of shared."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.house.source_files import modules, name, tree

SQL = re.compile(
    r"\s*(select\s.*|insert\s+into\s.*|update\s+\S+\s+set\s.*|delete\s+from\s.*|lock\s+table\s.*|with\s+\w+\s+as\s.*)",
    re.DOTALL,
)
STORES = ("/store/", "shared/storage/", "shared/runner/state_store.py")
# The relay and the probe use their own connections, outside any store; the others read the database's time.
EXCEPTIONS = {
    "shared/messaging/relay.py",
    "shared/ops/probe.py",
    "shared/runner/replay.py",
    "shared/runner/runner.py",
    "shared/service.py",
}


def sql_strings(module: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield line and text of every string that looks like SQL, also the first part of an f-string."""
    for node in ast.walk(module):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and SQL.fullmatch(node.value):
            yield node.lineno, node.value.strip()[:60]


@pytest.mark.parametrize("path", modules("services", "shared"), ids=name)
def test_sql_statements_are_only_in_stores(path: Path) -> None:
    if any(part in name(path) for part in STORES) or name(path) in EXCEPTIONS:
        return
    assert not [f"{name(path)}:{line} {text}" for line, text in sql_strings(tree(path))]


def test_the_exceptions_are_needed() -> None:
    assert {name(path) for path in modules("shared") if [*sql_strings(tree(path))]} >= EXCEPTIONS


@pytest.mark.parametrize(
    ("text", "is_sql"),
    [
        ("select now()", True),
        ("\n    with before as (select 1) select at from before", True),
        ("update draft set version = 2", True),
        ("insert into draft (draft_id) values ($1)", True),
        ("lock table rulebook in share mode", True),
        ("Select what to do", False),
        ("with the token as password", False),
        ("update the setting", False),
    ],
)
def test_an_sql_statement_is_distinguished_from_a_sentence(text: str, is_sql: bool) -> None:
    assert bool(SQL.fullmatch(text)) is is_sql
