"""Tracing: the OpenTelemetry provider that the environment asks for, or one that costs nothing."""

import os
from importlib.metadata import entry_points

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider as SdkTracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import NoOpTracerProvider, TracerProvider

from shared.errors import Misconfigured

VARIABLE = "OTEL_TRACES_EXPORTER"
ALIASES = {"otlp": "otlp_proto_http"}  # the name in OpenTelemetry's specification, and in the Python package


def tracer_provider(service: str) -> TracerProvider:
    """Return a provider that exports to what OTEL_TRACES_EXPORTER names; without it, one that does nothing.

    The SDK reads all other settings itself: endpoint, sampler and resource from the standard OTEL_* variables. Raises
    `Misconfigured` for an exporter that is not installed.
    """
    name = os.environ.get(VARIABLE, "none")
    if name in {"", "none"}:
        return NoOpTracerProvider()
    exporters = list(entry_points(group="opentelemetry_traces_exporter", name=ALIASES.get(name, name)))
    if not exporters:
        raise Misconfigured(
            f"{VARIABLE}: expected none, console or an installed exporter, got {name}; otlp needs the extra `otlp`"
        )
    provider = SdkTracerProvider(resource=Resource.create({"service.name": f"redress-{service}"}))
    provider.add_span_processor(BatchSpanProcessor(exporters[0].load()()))
    return provider
