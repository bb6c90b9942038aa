"""Rules of names and docstrings from CONTRIBUTING.md, as far as a test can check them."""

import ast
import re
from collections import defaultdict

import pytest

from tests.house.source_files import modules, name, tree

CODE = modules("services", "shared", "deploy")
ALL = (*CODE, *modules("tests"))
DOCUMENTED = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef

# A docstring starts with a verb or a noun of the field, not with one of these words.
OPENINGS = {
    "what", "whether", "who", "whom", "whose", "how", "one", "all", "where", "when", "why", "which", "is", "are", "so",
    "nobody", "somebody", "everybody", "everything", "something", "anything", "nothing", "once", "that", "those", "it",
    "they", "we", "i", "you", "no", "not", "until", "as", "if", "for", "from", "to", "with",
}  # fmt: skip
SHORTEST = 3  # words

# A variable is a noun of the field. These words do not describe the value.
BANNED = {
    "one", "found", "given", "known", "told", "asked", "heard", "said", "anew", "gone", "meant", "became", "thing",
    "whoever", "nobody", "mine", "theirs", "ours",
}  # fmt: skip
REPEATED_CLASSES = {"Settings"}  # the configuration of each service


def docstrings(path):
    for node in ast.walk(tree(path)):
        if isinstance(node, DOCUMENTED) and (text := ast.get_docstring(node)):
            yield getattr(node, "lineno", 1), text


@pytest.mark.parametrize("path", CODE, ids=name)
def test_a_docstring_starts_with_a_verb_or_a_noun(path) -> None:
    wrong = [
        f"{name(path)}:{line} {text.splitlines()[0]}"
        for line, text in docstrings(path)
        if _first_word(text) in OPENINGS or len(text.split()) < SHORTEST
    ]
    assert not wrong


def _first_word(text: str) -> str:
    return re.split(r"[^\w']+", text.strip().strip("`\"'"), maxsplit=1)[0].lower()


@pytest.mark.parametrize("path", ALL, ids=name)
def test_variables_are_nouns_of_the_field(path) -> None:
    assert not sorted(
        {f"{name(path)}:{line} {word}" for line, word in bound_names(tree(path)) if word.lstrip("_") in BANNED}
    )


def bound_names(module):
    """Yield line and name of each variable, parameter, attribute, function and `match` capture in a module."""
    for node in ast.walk(module):
        match node:
            case ast.Name(id=word, ctx=ast.Store()):
                yield node.lineno, word
            case ast.arg(arg=word):
                yield node.lineno, word
            case ast.Attribute(attr=word, ctx=ast.Store()):
                yield node.lineno, word
            case ast.FunctionDef(name=word) | ast.AsyncFunctionDef(name=word):
                yield node.lineno, word
            case ast.MatchAs(name=str(word)) | ast.MatchStar(name=str(word)) | ast.ExceptHandler(name=str(word)):
                yield node.lineno, word


def test_a_public_class_name_is_unique() -> None:
    places = defaultdict(list)
    for path in CODE:
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places[node.name].append(name(path))
    assert not {word: paths for word, paths in places.items() if len(paths) > 1 and word not in REPEATED_CLASSES}
