"""Metrics of the project, each declared once.

All label values exist from the start, with the value 0: an alert on the increase of a counter would miss the first
dead letter if the counter appeared only with it.
"""

from dataclasses import dataclass
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

OUTCOMES: Final = ("done", "duplicate", "buried", "parked", "retry", "skipped")
FAST: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
SLOW: Final = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0)
SIZES: Final = (1, 5, 10, 25, 50, 100, 200, 350, 500, 1000)


@dataclass(frozen=True, slots=True)
class MetricSpec:
    """Declaration of a metric: name, meaning, labels with all their values, buckets."""

    name: str
    sentence: str
    labels: tuple[tuple[str, tuple[str, ...]], ...] = ()
    buckets: tuple[float, ...] = FAST


COUNTERS: Final = (
    MetricSpec("redress_inputs", "Events, commands and ticks handled, by outcome.", (("outcome", OUTCOMES),)),
    MetricSpec("redress_said", "Events written to the outbox."),
    MetricSpec("redress_published", "Events that the relay has published to Kafka."),
    MetricSpec("redress_relay_failures", "Rounds of the relay that failed and were tried again."),
    MetricSpec("redress_worker_restarts", "Background jobs that failed and were started again."),
    MetricSpec(
        "redress_breaker_trips",
        "Times the circuit breaker opened: too many records could not be applied, and their batch was rolled back.",
    ),
    MetricSpec(
        "redress_http_requests",
        "Requests answered, by class of status code.",
        (("status", ("2xx", "3xx", "4xx", "5xx")),),
    ),
)
HISTOGRAMS: Final = (
    MetricSpec("redress_batch_seconds", "Time from reading a batch to its commit."),
    MetricSpec("redress_batch_size", "Inputs in one transaction.", buckets=SIZES),
    MetricSpec("redress_http_seconds", "Time to answer a request."),
    MetricSpec("redress_timer_late_seconds", "How much after its due time a timer was handled."),
    MetricSpec(
        "redress_acknowledged_seconds",
        "Time from accepting a complaint to the provider accepting its acknowledgement.",
        buckets=SLOW,
    ),
)
GAUGES: Final = (
    MetricSpec("redress_oldest_unpublished_seconds", "Age of the oldest outbox row that is not published."),
    MetricSpec("redress_oldest_dead_letter_seconds", "Age of the oldest open dead letter."),
    MetricSpec("redress_oldest_timer_seconds", "Time since the oldest due timer should have been handled."),
    MetricSpec("redress_dead_letters", "Open dead letters.", (("status", ("buried", "parked")),)),
    MetricSpec("redress_lag_events", "Events on Kafka that this process has not handled yet."),
    MetricSpec("redress_lag_seconds", "Age of the oldest event on Kafka that this process has not handled yet."),
    MetricSpec("redress_breaker_open", "1 while the circuit breaker is open and the service does not consume."),
    MetricSpec("redress_relay_active", "1 in the one process per service that publishes."),
    MetricSpec(
        "redress_outage",
        "1 during an outage that sla has detected. Downtime of sla itself is only known once it is over.",
        (("cause", ("provider", "lag")),),
    ),
    MetricSpec("redress_ready", "1 while the service can do its work."),
)


class Metrics:
    """Counters, gauges and histograms of one process, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._counters = {
            spec.name: Counter(spec.name, spec.sentence, _label_names(spec), registry=self.registry)
            for spec in COUNTERS
        }
        self._gauges = {
            spec.name: Gauge(spec.name, spec.sentence, _label_names(spec), registry=self.registry) for spec in GAUGES
        }
        self._histograms = {
            spec.name: Histogram(
                spec.name, spec.sentence, _label_names(spec), registry=self.registry, buckets=spec.buckets
            )
            for spec in HISTOGRAMS
        }
        for spec in (*COUNTERS, *GAUGES):
            instrument = self._counters.get(spec.name) or self._gauges[spec.name]
            for _, values in spec.labels:
                for value in values:
                    instrument.labels(value)

    def count(self, name: str, amount: float = 1, *, label: str | None = None) -> None:
        """Increase a counter by `amount`."""
        counter = self._counters[name]
        (counter.labels(label) if label is not None else counter).inc(amount)

    def gauge(self, name: str, value: float, *, label: str | None = None) -> None:
        """Set a gauge to `value`."""
        gauge = self._gauges[name]
        (gauge.labels(label) if label is not None else gauge).set(value)

    def observe(self, name: str, value: float) -> None:
        """Add an observation to a histogram, in the unit that its name ends with."""
        self._histograms[name].observe(value)

    def value(self, name: str, *, label: str | None = None) -> float:
        """Return the current value of a counter or gauge."""
        suffix = "_total" if name in self._counters else ""
        spec = next(spec for spec in (*COUNTERS, *GAUGES) if spec.name == name)
        labels = {spec.labels[0][0]: label} if label is not None else {}
        return self.registry.get_sample_value(name + suffix, labels) or 0.0

    def render(self) -> bytes:
        """Render all metrics in the text format of Prometheus."""
        return generate_latest(self.registry)


def _label_names(spec: MetricSpec) -> tuple[str, ...]:
    return tuple(name for name, _ in spec.labels)
