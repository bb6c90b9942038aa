"""`python -m deploy.docs`: docs/settings.md and docs/metrics.md from the code, so that no list is kept by hand."""

import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from faststream.kafka.prometheus import KafkaPrometheusMiddleware
from prometheus_client import CollectorRegistry
from pydantic import SecretStr
from pydantic.fields import FieldInfo

from shared.contracts import SERVICES
from shared.ops.metrics import COUNTERS, GAUGES, HISTOGRAMS, MetricSpec
from shared.settings import SHARED_PREFIX, ServiceSettings

FOLDER = Path(__file__).resolve().parents[1] / "docs"


def settings_page() -> str:
    """Every variable of every service with its default and its sentence."""
    lines = [
        "# Settings",
        "",
        "All from the environment; a secret may instead be a file named like the variable in lower case, in the folder",
        f"that `REDRESS_SECRETS_DIR` names. What all services have is `{SHARED_PREFIX}NAME`; `SERVICE_NAME` wins for",
        "one service, e.g. `INTAKE_PORT`. Made by `make docs`; do not edit.",
        "",
        "Traces: `OTEL_TRACES_EXPORTER` is `none` (the default), `console` or `otlp` (needs the extra `otlp`). The",
        "standard `OTEL_*` variables of the OpenTelemetry SDK set endpoint, sampler and resource.",
        "",
        f"## All services (`{SHARED_PREFIX}…`)",
        "",
        *_table(SHARED_PREFIX, ServiceSettings.model_fields.items()),
    ]
    for service in SERVICES:
        settings = importlib.import_module(f"services.{service.name}.settings").Settings
        prefix = str(settings.model_config["env_prefix"])
        own = [(name, field) for name, field in settings.model_fields.items() if _is_own(name, field)]
        lines += ["", f"## {service.name} (`{prefix}…`)", "", *_table(prefix, own)]
    return "\n".join(lines) + "\n"


def metrics_page() -> str:
    """Every metric with its labels and its sentence."""
    lines = ["# Metrics", "", "On `/metrics` of every service, in the Prometheus text format. Made by `make docs`.", ""]
    lines += ["| name | kind | labels | meaning |", "|---|---|---|---|"]
    kinds: list[tuple[str, str, tuple[MetricSpec, ...]]] = [
        ("counter", "_total", COUNTERS),
        ("histogram", "", HISTOGRAMS),
        ("gauge", "", GAUGES),
    ]
    lines += [_metric(one, kind, suffix) for kind, suffix, declared in kinds for one in declared]
    return "\n".join([*lines, *_faststream_metrics()]) + "\n"


def _faststream_metrics() -> Iterator[str]:
    """Describe the metrics of FastStream's middleware. Publishing is left out: only the relay publishes, without it."""
    registry = CollectorRegistry()
    KafkaPrometheusMiddleware(registry=registry)
    yield from (
        "",
        "## FastStream",
        "",
        "From FastStream's Prometheus middleware on the subscriber of each service. Labels: `app_name` is the service,",
        "`broker` is `kafka`, `handler` is a topic that the service subscribes to, `status` is `acked`, `nacked`,",
        "`rejected`, `skipped` or `error`, `exception_type` is the class of an error after which the batch is read",
        "again. A batch may hold events of several topics: all of it counts for the topic of its first event. Sizes",
        "and durations are those of batches. For events by outcome use `redress_inputs_total`.",
        "",
        "| name | kind | meaning |",
        "|---|---|---|",
    )
    for metric in registry.collect():
        if metric.name.startswith("faststream_received_"):
            suffix = "_total" if metric.type == "counter" else ""
            yield f"| `{metric.name}{suffix}` | {metric.type} | {metric.documentation}. |"


def _metric(one: MetricSpec, kind: str, suffix: str) -> str:
    labels = "; ".join(f"{name}: {', '.join(values)}" for name, values in one.labels)
    return f"| `{one.name}{suffix}` | {kind} | {labels} | {one.sentence} |"


def _is_own(name: str, field: FieldInfo) -> bool:
    shared = ServiceSettings.model_fields.get(name)
    return shared is None or shared.default != field.default


def _table(prefix: str, fields: Any) -> Iterator[str]:
    yield from ("| variable | default | meaning |", "|---|---|---|")
    for name, field in fields:
        yield f"| `{prefix}{name.upper()}` | {_default(field)} | {field.description} |"


def _default(field: FieldInfo) -> str:
    value = field.get_default(call_default_factory=True, validated_data={})
    if value is None or field.is_required():
        return "–"
    shown = value.get_secret_value() if isinstance(value, SecretStr) else value
    if isinstance(shown, Path) and shown.is_relative_to(FOLDER.parent):
        shown = shown.relative_to(FOLDER.parent)
    return f"`{shown}`"


def main() -> None:
    """Write both pages."""
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / "settings.md").write_text(settings_page(), "utf-8")
    (FOLDER / "metrics.md").write_text(metrics_page(), "utf-8")


if __name__ == "__main__":
    main()
