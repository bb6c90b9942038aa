"""Rules of docs/glossary.md: it defines every literal value that events use."""

import re
from typing import get_args

import pytest

from shared.contracts import envelope
from shared.contracts.events import vocabulary
from tests.house.source_files import ROOT

PAGE = (ROOT / "docs" / "glossary.md").read_text("utf-8")
LISTS = {
    name: get_args(values)
    for module in (vocabulary, envelope)
    for name, values in vars(module).items()
    if get_args(values) and all(isinstance(value, str) for value in get_args(values))
}


@pytest.mark.parametrize("name", LISTS)
def test_the_glossary_lists_every_value_of_a_literal_type(name: str) -> None:
    missing = [value for value in LISTS[name] if f"`{value}`" not in PAGE]
    assert not missing


def test_a_word_is_defined_once() -> None:
    rows = re.findall(r"^\| ([a-z][^|]*?) \|", PAGE, flags=re.MULTILINE)
    words = [word for row in rows for word in row.split(", ") if row != "word"]
    assert len(words) == len(set(words))
    assert len(words) > 80


def test_a_definition_is_a_sentence() -> None:
    rows = re.findall(r"^\| [a-z][^|]*? \| (.+?) \|$", PAGE, flags=re.MULTILINE)
    assert not [row for row in rows if row != "meaning" and not row.endswith(".")]
