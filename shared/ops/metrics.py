"""Every metric, declared once with its sentence.

All label values exist from the start: a counter that appears with its first dead letter never alerts on it.
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
    """Name, sentence, labels with all their values ("" stands for values known only at run time), buckets."""

    name: str
    sentence: str
    labels: tuple[tuple[str, tuple[str, ...]], ...] = ()
    buckets: tuple[float, ...] = FAST


COUNTERS: Final = (
    MetricSpec("redress_inputs", "Events, commands and ticks handled, by outcome.", (("outcome", OUTCOMES),)),
    MetricSpec("redress_said", "Events written to the outbox."),
    MetricSpec("redress_published", "Events that the relay has put on Kafka."),
    MetricSpec("redress_relay_failures", "Rounds of the relay that failed and were tried again."),
    MetricSpec("redress_worker_restarts", "Background workers that died and were started again."),
    MetricSpec("redress_breaker_trips", "Times the service stopped consuming because too much was buried."),
    MetricSpec(
        "redress_http_requests",
        "Requests answered, by class of status code.",
        (("status", ("2xx", "3xx", "4xx", "5xx")),),
    ),
)
HISTOGRAMS: Final = (
    MetricSpec("redress_batch_seconds", "Time from a batch's first parse to its commit."),
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
    MetricSpec("redress_oldest_unpublished_seconds", "Age of the oldest outbox row that is not on Kafka."),
    MetricSpec("redress_oldest_dead_letter_seconds", "Age of the oldest open dead letter."),
    MetricSpec("redress_oldest_timer_seconds", "How long the oldest due timer has been waiting."),
    MetricSpec("redress_dead_letters", "Open dead letters.", (("status", ("buried", "parked")),)),
    MetricSpec("redress_lag_events", "Events on Kafka that this process has not handled yet."),
    MetricSpec("redress_lag_seconds", "Age of the oldest event on Kafka that this process has not handled yet."),
    MetricSpec("redress_breaker_open", "1 while the service refuses to consume."),
    MetricSpec("redress_relay_active", "1 in the one process per service that publishes."),
    MetricSpec(
        "redress_outage",
        "1 while something of ours is down as sla sees it; downtime is only known once it is over.",
        (("cause", ("provider", "lag")),),
    ),
    MetricSpec("redress_ready", "1 while the service can do its work."),
)


class Metrics:
    """The instruments of one process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._counters = {d.name: Counter(d.name, d.sentence, _names(d), registry=self.registry) for d in COUNTERS}
        self._gauges = {d.name: Gauge(d.name, d.sentence, _names(d), registry=self.registry) for d in GAUGES}
        self._histograms = {
            d.name: Histogram(d.name, d.sentence, _names(d), registry=self.registry, buckets=d.buckets)
            for d in HISTOGRAMS
        }
        for declared in (*COUNTERS, *GAUGES):
            instrument = self._counters.get(declared.name) or self._gauges[declared.name]
            for _, values in declared.labels:
                for value in values:
                    instrument.labels(value)

    def count(self, name: str, amount: float = 1, *, label: str | None = None) -> None:
        """Add to a counter."""
        counter = self._counters[name]
        (counter.labels(label) if label is not None else counter).inc(amount)

    def gauge(self, name: str, value: float, *, label: str | None = None) -> None:
        """Set a gauge."""
        gauge = self._gauges[name]
        (gauge.labels(label) if label is not None else gauge).set(value)

    def observe(self, name: str, value: float) -> None:
        """Add an observation, in the unit that the name ends with."""
        self._histograms[name].observe(value)

    def value(self, name: str, *, label: str | None = None) -> float:
        """What a counter or gauge stands at; for tests and readiness."""
        suffix = "_total" if name in self._counters else ""
        declared = next(d for d in (*COUNTERS, *GAUGES) if d.name == name)
        labels = {declared.labels[0][0]: label} if label is not None else {}
        return self.registry.get_sample_value(name + suffix, labels) or 0.0

    def render(self) -> bytes:
        """The text exposition format."""
        return generate_latest(self.registry)


def _names(declared: MetricSpec) -> tuple[str, ...]:
    return tuple(name for name, _ in declared.labels)
