"""Loader of the rulebook: the default one is complete; an invalid one is refused with file, position and expected value."""

import shutil
from pathlib import Path

import pytest

from services.triage.rulebook import DEFAULT_FOLDER, load_rulebook
from services.triage.rulebook.model import SIGNALS
from services.triage.settings import LANGUAGES
from shared.errors import Misconfigured


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    copied = tmp_path / "rulebook"
    shutil.copytree(DEFAULT_FOLDER, copied, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    return copied


def replace_text(folder: Path, name: str, old: str, new: str) -> None:
    path = folder / name
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def test_every_language_has_words_for_every_category_and_signal(rules) -> None:
    for group in {tag.partition("-")[0] for tag in LANGUAGES.split(",")}:
        terms = [term for term in rules.terms if term.group == group]
        assert {term.target for term in terms if not term.is_signal} == set(rules.categories)
        assert {term.target for term in terms if term.is_signal} == set(SIGNALS)
        assert rules.negations[group]


def test_every_category_has_a_title_in_every_language(rules) -> None:
    for category in rules.categories.values():
        assert set(category.titles) == set(LANGUAGES.split(","))


def test_the_version_changes_with_the_data_and_only_with_it(folder, rules) -> None:
    assert load_rulebook(folder).version == rules.version
    replace_text(folder, "words/en.toml", '"courier*"', '"couriers"')
    assert load_rulebook(folder).version != rules.version


@pytest.mark.parametrize(
    ("start", "signals", "large", "severity"),
    [
        ("low", (), False, "low"),
        ("low", ("repeat",), False, "normal"),
        ("low", ("vulnerable",), False, "high"),
        ("low", ("safety",), False, "critical"),
        ("normal", (), True, "high"),
        ("normal", ("repeat",), True, "high"),
        ("normal", ("legal_threat", "repeat"), True, "high"),
        ("high", ("vulnerable",), False, "critical"),
        ("high", ("abuse",), False, "high"),
        ("critical", ("vulnerable", "safety"), True, "critical"),
    ],
)
def test_signals_raise_severity_by_the_rules(rules, start, signals, large, severity) -> None:
    assert rules.severity.severity(start, signals, large_amount=large) == severity


@pytest.mark.parametrize(
    ("name", "old", "new", "message"),
    [
        (
            "categories.toml",
            'team = "security"',
            'team = "securty"',
            r"categories.fraud.team: expected one of .*got securty",
        ),
        (
            "categories.toml",
            'severity = "high"',
            'severity = "grave"',
            r"categories.fraud.severity: expected.*got 'grave'",
        ),
        ("categories.toml", 'en = "Delivery"\n', "", r"categories.delivery.titles: expected .*got none for en"),
        ("categories.toml", "number = 1", "number = 0", r"number: expected.*got 0"),
        ("categories.toml", "number = 1", "numbr = 1", r"categories.toml: number"),
        ("categories.toml", "number = 1", "number =", r"categories.toml: expected TOML"),
        ("teams.toml", 'screening = "screening"', 'screening = "nobody"', r"screening: expected one of .*got nobody"),
        ("teams.toml", "capacity = 50", "capacity = 0", r"capacity: expected.*got 0"),
        ("teams.toml", 'id = "deliveries-2"', 'id = "deliveries-1"', r"unique ids; got deliveries-1 twice"),
        ("teams.toml", "capacity = 50", "capcity = 50", r"teams.deliveries.handlers.0"),
        ("severity.toml", 'safety = "critical"', 'safty = "critical"', r"floors.safty"),
        ("severity.toml", "EUR = 900", "EUR = -1", r"large_amounts.EUR: expected.*got -1"),
        (
            "words/en.toml",
            "[categories.delivery]",
            "[categories.delivry]",
            r"words/en.toml: categories: expected.*got delivry",
        ),
        ("words/en.toml", '"courier*"', '"cour*ier"', r"delivery: expected a word.*got 'cour\*ier'"),
        ("words/en.toml", '"courier*"', '" "', r"delivery: expected a word"),
        ("words/en.toml", "vulnerable = [", "vulnerble = [", r"signals.vulnerble"),
        ("words/en.toml", 'language = "en"', 'language = "english"', r"language: expected.*got 'english'"),
    ],
)
def test_an_error_in_the_rulebook_names_its_file_and_position(folder, name, old, new, message) -> None:
    replace_text(folder, name, old, new)
    with pytest.raises(Misconfigured, match=message):
        load_rulebook(folder)


def test_a_rulebook_without_other_is_refused(folder) -> None:
    path = folder / "categories.toml"
    path.write_text(path.read_text().replace("categories.other", "categories.rest"))
    with pytest.raises(Misconfigured, match="expected a category other, got none"):
        load_rulebook(folder)


@pytest.mark.parametrize("name", ["categories.toml", "teams.toml", "severity.toml"])
def test_a_missing_file_is_named(folder, name) -> None:
    (folder / name).unlink()
    with pytest.raises(Misconfigured, match=name):
        load_rulebook(folder)


def test_a_rulebook_without_words_is_refused(folder) -> None:
    shutil.rmtree(folder / "words")
    with pytest.raises(Misconfigured, match="words"):
        load_rulebook(folder)


def test_a_file_that_is_not_text_is_refused(folder) -> None:
    (folder / "teams.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(Misconfigured, match="UTF-8"):
        load_rulebook(folder)
