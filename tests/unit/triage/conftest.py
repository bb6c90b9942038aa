"""Fixtures: the default rulebook and its classifier, loaded once because they never change."""

import pytest

from services.triage.classifier.language import Languages
from services.triage.classifier.lexicon import LexiconClassifier
from services.triage.rulebook import TriageRulebook, load_rulebook
from services.triage.settings import LANGUAGES


@pytest.fixture(scope="session")
def rules() -> TriageRulebook:
    return load_rulebook()


@pytest.fixture(scope="session")
def languages() -> Languages:
    return Languages(LANGUAGES.split(","))


@pytest.fixture(scope="session")
def classifier(rules: TriageRulebook, languages: Languages) -> LexiconClassifier:
    return LexiconClassifier(rules, languages)
