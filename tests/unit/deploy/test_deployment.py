"""Deployment files, compared with the code: Compose, Dockerfile, Prometheus, alerts and the dashboard."""

import importlib
import inspect
import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy import healthcheck, jobs
from deploy.local.provision import MIN_POSTGRES
from shared.contracts import SERVICES
from shared.ops.metrics import COUNTERS, GAUGES, HISTOGRAMS
from shared.settings import ServiceSettings

ROOT = Path(__file__).parents[3]
NAMES = [service.name for service in SERVICES]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))
DOCKERFILE = (ROOT / "deploy/Dockerfile").read_text("utf-8")
PROMETHEUS: dict[str, Any] = yaml.safe_load((ROOT / "deploy/prometheus/prometheus.yml").read_text("utf-8"))
ALERTS: list[dict[str, Any]] = [
    rule
    for group in yaml.safe_load((ROOT / "deploy/prometheus/alerts.yml").read_text("utf-8"))["groups"]
    for rule in group["rules"]
]
DASHBOARD: dict[str, Any] = json.loads((ROOT / "deploy/grafana/dashboards/redress.json").read_text("utf-8"))
DECLARED = {declared.name for declared in (*COUNTERS, *GAUGES, *HISTOGRAMS)}
NOT_SETTINGS = {"REDRESS_SECRETS_DIR", "SERVICE"}  # read by the image and by the loader of the settings


def settings_class(name: str) -> type[ServiceSettings]:
    module = importlib.import_module(f"services.{name}.settings")
    members = [
        member
        for _, member in inspect.getmembers(module, inspect.isclass)
        if issubclass(member, ServiceSettings) and member is not ServiceSettings
    ]
    return members[0]


@pytest.mark.parametrize("name", NAMES)
def test_every_variable_of_a_compose_service_is_a_setting_of_it(name: str) -> None:
    settings = settings_class(name)
    prefixes = ("REDRESS_", settings.model_config.get("env_prefix", ""))
    variables = set(COMPOSE["services"][name]["environment"]) - NOT_SETTINGS
    settings_names = {f"{prefix}{field}".upper() for prefix in prefixes for field in settings.model_fields}
    assert variables <= settings_names


@pytest.mark.parametrize("name", NAMES)
def test_a_compose_service_runs_the_service_of_its_name_with_its_own_secrets_only(name: str) -> None:
    service = COMPOSE["services"][name]
    assert service["environment"]["SERVICE"] == name
    assert service["volumes"] == [f"{name}-secret:/run/redress:ro"]
    assert service["read_only"]
    assert service["cap_drop"] == ["ALL"]


@pytest.mark.parametrize("name", NAMES)
def test_a_compose_service_is_published_at_the_port_its_settings_choose(name: str) -> None:
    (published,) = COMPOSE["services"][name]["ports"]
    assert published.endswith(f":-{settings_class(name).model_fields['port'].default}}}:8080")


def test_a_graceful_stop_fits_into_the_grace_that_compose_gives() -> None:
    seconds = ServiceSettings.model_fields["stop_seconds"].default
    assert all(float(COMPOSE["services"][name]["stop_grace_period"].removesuffix("s")) > seconds for name in NAMES)


def test_every_published_port_listens_on_this_machine_only() -> None:
    ports = [port for service in COMPOSE["services"].values() for port in service.get("ports", [])]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_every_container_has_a_memory_limit_and_a_restart_policy() -> None:
    for name, service in COMPOSE["services"].items():
        assert "mem_limit" in service, name
        assert "restart" in service, name


def test_every_named_volume_is_declared_and_used() -> None:
    mounts = [mount for service in COMPOSE["services"].values() for mount in service.get("volumes", [])]
    used = {mount.split(":")[0] for mount in mounts if not mount.startswith(("/", "."))}
    assert used == set(COMPOSE["volumes"])


def test_every_file_that_compose_mounts_exists() -> None:
    mounts = [mount for service in COMPOSE["services"].values() for mount in service.get("volumes", [])]
    assert all((ROOT / mount.split(":")[0]).exists() for mount in mounts if mount.startswith("."))


def test_every_dependency_exists_and_has_a_condition_that_can_be_met() -> None:
    services = COMPOSE["services"]
    for name, service in services.items():
        for dependency, options in service.get("depends_on", {}).items():
            healthy = options["condition"] == "service_healthy"
            assert "healthcheck" in services[dependency] if healthy else services[dependency]["restart"] == "no", (
                name,
                dependency,
            )


def test_secrets_are_passed_as_files_and_never_as_variables() -> None:
    variables = {name for service in COMPOSE["services"].values() for name in service.get("environment", {})}
    secret = {name for name in variables if re.search("PASSWORD|SECRET|TOKEN|POSTGRES$|DSN|_KEY", name)}
    assert {name for name in secret if not name.endswith(("_FILE", "_DIR"))} == set()
    assert not re.search(r"(?i)password|token|secret=", DOCKERFILE.replace("REDRESS_SECRETS_DIR=/run/redress", ""))


def test_compose_runs_the_embedded_version_of_kafka() -> None:
    jars = json.loads((ROOT / "deploy/local/kafka-jars.json").read_text("utf-8"))
    version = next(match[1] for jar in jars if (match := re.fullmatch(r"kafka-clients-(.+)\.jar", jar)))
    assert COMPOSE["services"]["kafka"]["image"] == f"apache/kafka:{version}"


def test_documents_name_the_oldest_postgresql_that_the_doctor_accepts() -> None:
    documents = [ROOT / "README.md", ROOT / "deploy/README.md", *(ROOT / "docs").rglob("*.md")]
    numbers = {path.name: re.findall(r"PostgreSQL (\d+) or newer", path.read_text("utf-8")) for path in documents}
    assert numbers["README.md"]
    assert {number for listed in numbers.values() for number in listed} == {str(MIN_POSTGRES)}


def test_prometheus_scrapes_every_service_where_it_listens() -> None:
    (job,) = PROMETHEUS["scrape_configs"]
    targets = {entry["labels"]["service"]: entry["targets"] for entry in job["static_configs"]}
    assert targets == {name: [f"{name}:8080"] for name in NAMES}


def find_metrics(text: str) -> set[str]:
    names = set(re.findall(r"\bredress_[a-z_]+\b", text))
    return {re.sub(r"_(total|bucket|count|sum)$", "", name) for name in names}


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: str(alert["alert"]))
def test_an_alert_uses_declared_metrics_and_has_an_action(alert: dict[str, Any]) -> None:
    assert find_metrics(alert["expr"]) <= DECLARED
    assert set(alert["annotations"]) == {"summary", "action"}
    assert alert["labels"]["severity"] in {"page", "warn"}


def test_everything_that_loses_or_delays_complaints_has_an_alert() -> None:
    watched = set().union(*(find_metrics(alert["expr"]) for alert in ALERTS))
    assert watched >= {
        "redress_dead_letters",
        "redress_oldest_dead_letter_seconds",
        "redress_oldest_unpublished_seconds",
        "redress_oldest_timer_seconds",
        "redress_lag_seconds",
        "redress_breaker_open",
        "redress_relay_active",
        "redress_ready",
        "redress_acknowledged_seconds",
    }


def test_missing_metrics_have_an_alert() -> None:
    by_name = {alert["alert"]: alert["expr"] for alert in ALERTS}
    assert all(f'absent(up{{job="redress", service="{name}"}})' in by_name["RedressTargetMissing"] for name in NAMES)
    assert "redress_oldest_unpublished_seconds != redress_oldest_unpublished_seconds" in by_name["RedressBlind"]


def test_the_dashboard_shows_declared_metrics_and_explains_each_panel() -> None:
    shown: set[str] = set()
    for panel in DASHBOARD["panels"]:
        assert panel["description"], panel["title"]
        shown |= set().union(*(find_metrics(target["expr"]) for target in panel["targets"]))
    assert shown <= DECLARED
    assert not DECLARED - shown, "metrics that are on no panel"


def test_the_image_is_locked_unprivileged_and_without_compilers() -> None:
    assert "--require-hashes" in DOCKERFILE
    assert "--only-binary :all:" in DOCKERFILE
    assert "USER redress" in DOCKERFILE
    assert "HEALTHCHECK" in DOCKERFILE
    assert not re.search(r"apt-get|gcc|build-essential|PIP_CERT|INDEX_URL", DOCKERFILE)


def test_the_health_check_fails_on_a_closed_port(unused_tcp_port: int) -> None:
    assert not healthcheck.is_alive(unused_tcp_port)


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(jobs, "KEYS_FOLDER", tmp_path / "keys")
    monkeypatch.setattr(jobs, "HANDOUT_FOLDER", tmp_path / "handout")
    for folder in ("keys", "handout/postgres", "handout/grafana"):
        (tmp_path / folder).mkdir(parents=True)
    return tmp_path


def test_the_keys_job_keeps_existing_files(folders: Path) -> None:
    jobs.create_secrets()
    before = {path: path.read_bytes() for path in folders.rglob("*") if path.is_file()}
    jobs.create_secrets()
    assert before == {path: path.read_bytes() for path in folders.rglob("*") if path.is_file()}


def test_the_keys_job_writes_passwords_to_their_containers_and_keeps_the_private_key(folders: Path) -> None:
    jobs.create_secrets()
    written = {file.relative_to(folders / "handout").as_posix() for file in (folders / "handout").glob("*/*")}
    assert written == {"postgres/password", "grafana/password"}
    assert (folders / "keys/private.pem").stat().st_mode & 0o077 == 0
    assert (folders / "keys/postgres-password").stat().st_mode & 0o077 == 0
    assert (folders / "handout/postgres/password").read_text() == (folders / "keys/postgres-password").read_text()
