"""Rules of documents: their lists, links and paths agree with the code."""

import importlib
import re

import pytest

from deploy import docs
from shared.contracts import SERVICES
from shared.ops.metrics import COUNTERS, GAUGES, HISTOGRAMS
from shared.settings import ServiceSettings
from tests.house.source_files import ROOT, modules


def test_the_pages_of_settings_and_metrics_are_current() -> None:
    assert (ROOT / "docs" / "settings.md").read_text("utf-8") == docs.render_settings_page(), "run `make docs`"
    assert (ROOT / "docs" / "metrics.md").read_text("utf-8") == docs.render_metrics_page(), "run `make docs`"


@pytest.mark.parametrize("service", [declared.name for declared in SERVICES])
def test_every_setting_has_a_description_and_the_prefix_of_its_service(service: str) -> None:
    settings = importlib.import_module(f"services.{service}.settings").Settings
    assert issubclass(settings, ServiceSettings)
    assert settings.model_config["env_prefix"] == f"{service.upper()}_"
    assert settings.model_config["frozen"]
    assert [name for name, field in settings.model_fields.items() if not (field.description or "").endswith(".")] == []


def test_every_metric_has_a_description_a_unit_and_is_used() -> None:
    code = "\n".join(path.read_text("utf-8") for path in modules("shared", "services"))
    for declared in (*COUNTERS, *GAUGES, *HISTOGRAMS):
        assert declared.sentence.endswith("."), declared.name
        assert code.count(f'"{declared.name}"') > 1, f"{declared.name} is declared and never set"
    assert all(metric.name.endswith(("_seconds", "_size")) for metric in HISTOGRAMS)


def test_every_metric_of_an_alert_or_panel_exists() -> None:
    declared = {metric.name for metric in (*COUNTERS, *GAUGES, *HISTOGRAMS)}
    for path in [*(ROOT / "deploy" / "prometheus").glob("*.yml"), *(ROOT / "deploy" / "grafana").rglob("*.json")]:
        for mention in set(re.findall(r"\bredress_[a-z_]+", path.read_text("utf-8"))):
            name = re.sub(r"_(total|bucket|count|sum)$", "", mention)
            assert name in declared, f"{path.name}: {mention}"


def test_every_decision_record_lists_alternatives() -> None:
    pages = sorted((ROOT / "docs" / "decisions").glob("[0-9]*.md"))
    assert pages
    for page in pages:
        text = page.read_text("utf-8")
        assert re.match(r"# \d{4} ", text), page.name
        assert "## Alternatives" in text, page.name
        assert len(text.splitlines()) <= 60, page.name


def test_every_make_target_has_a_description() -> None:
    text = (ROOT / "Makefile").read_text("utf-8")
    targets = set(re.findall(r"^([a-z][a-z-]*):", text, flags=re.MULTILINE))
    assert {"demo", "test", "bench", "faults", "docs", "schemas", "lint"} <= targets
    assert targets == set(re.findall(r"^([a-z][a-z-]*):.*## \S", text, flags=re.MULTILINE))


def test_every_local_link_of_a_document_exists() -> None:
    for page in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "deploy").rglob("*.md")]:
        for target in re.findall(r"\]\((?!https?:|#|mailto:)([^)#]+)", page.read_text("utf-8")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_every_path_in_a_document_exists() -> None:
    """Check the paths in backticks; NAME stands for each service."""
    for page in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "docs" / "architecture.md"):
        for path in re.findall(r"`((?:services|shared|deploy|tests|docs)/[^`{}* ]+)`", page.read_text("utf-8")):
            for service in SERVICES:
                assert (ROOT / path.replace("NAME", service.name)).exists(), f"{page.name}: {path}"
