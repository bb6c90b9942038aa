"""Rules of size: limits of modules and functions."""

import ast

import pytest

from tests.house.source_files import modules, name, tree

MODULE_MAX = 300
TEST_MODULE_MAX = 400
FUNCTION_MAX = 40
SHORT_FUNCTION = 20  # nine of ten functions are at most this long


def functions(path):
    return [n for n in ast.walk(tree(path)) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]


def lines(node) -> int:
    """Count the lines of the body without the docstring."""
    body = node.body[1:] if ast.get_docstring(node) else node.body
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


@pytest.mark.parametrize("path", modules("services", "shared", "deploy"), ids=name)
def test_module_and_function_lengths_are_limited(path) -> None:
    assert len(path.read_text("utf-8").splitlines()) <= MODULE_MAX
    long = [
        (node.name, lines(node))
        for node in functions(path)
        if lines(node) > FUNCTION_MAX and not _only_declares_routes(node)
    ]
    assert not long


@pytest.mark.parametrize("path", modules("tests"), ids=name)
def test_the_length_of_a_test_module_is_limited(path) -> None:
    assert len(path.read_text("utf-8").splitlines()) <= TEST_MODULE_MAX


def _only_declares_routes(node) -> bool:
    """Return True if the function is short without its nested functions, as one that declares routes."""
    inner = sum(
        lines(n) for n in ast.walk(node) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef) and n is not node
    )
    return lines(node) - inner <= FUNCTION_MAX


def test_nine_of_ten_functions_are_short() -> None:
    sizes = [lines(node) for path in modules("services", "shared") for node in functions(path)]
    assert sum(size <= SHORT_FUNCTION for size in sizes) / len(sizes) > 0.9


def test_public_functions_have_a_docstring() -> None:
    missing = [
        f"{name(path)}:{node.name}"
        for path in modules("services", "shared")
        for node in ast.iter_child_nodes(tree(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        and not node.name.startswith("_")
        and not ast.get_docstring(node)
    ]
    assert not missing
