"""`redress status`: health and backlog of every service."""

import asyncio
from dataclasses import asdict, dataclass, field
from typing import Annotated

import httpx
import typer
from prometheus_client.parser import text_string_to_metric_families

from deploy.cli import output
from deploy.cli.endpoints import Endpoints, find_endpoints
from deploy.cli.output import ExitCode
from shared.contracts import SERVICES


@dataclass(frozen=True, slots=True)
class ServiceStatus:
    """Status of one service from its `/ready` and `/metrics`; numbers are None if it does not answer."""

    service: str
    reachable: bool
    ready: bool
    sick: dict[str, str] = field(default_factory=dict)
    lag_events: int | None = None
    lag_seconds: float | None = None
    unpublished_seconds: float | None = None
    dead_letters: int | None = None
    breaker_open: bool = False

    @property
    def is_well(self) -> bool:
        """True if the service is ready and has no dead letters."""
        return self.ready and not self.sick and not self.dead_letters and not self.breaker_open


def status(json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Show each service: ready or the failing part, lag, oldest unpublished event, dead letters. Exit 1 on problems."""
    statuses = asyncio.run(fetch_all(find_endpoints()))
    if json:
        output.print_json([asdict(status_) | {"well": status_.is_well} for status_ in statuses])
    else:
        columns = ("service", "state", "lag", "oldest unpublished", "dead letters")
        output.print_table("Redress", columns, map(_table_row, statuses))
    if not any(status_.reachable for status_ in statuses):
        raise output.error_exit(
            "No service answers. `redress up` starts them; REDRESS_INTAKE_URL sets another address.",
            ExitCode.UNAVAILABLE,
        )
    if not all(status_.is_well for status_ in statuses):
        raise typer.Exit(ExitCode.PROBLEM)


async def fetch_all(endpoints: Endpoints) -> list[ServiceStatus]:
    """Fetch the status of all services in parallel."""
    return list(await asyncio.gather(*(fetch_status(endpoints, service.name) for service in SERVICES)))


async def fetch_status(endpoints: Endpoints, service: str) -> ServiceStatus:
    """Fetch the status of one service. A service that does not answer is a status, not an error."""
    async with endpoints.client(service, seconds=5) as client:
        try:
            ready, metrics = await asyncio.gather(client.get("/ready"), client.get("/metrics"))
            report = ready.json()
        except (httpx.HTTPError, ValueError) as error:
            return ServiceStatus(
                service, reachable=False, ready=False, sick={"http": f"no answer ({type(error).__name__})"}
            )
    return build_status(service, ready=bool(report["ready"]), sick=dict(report["sick"]), metrics=metrics.text)


def build_status(service: str, *, ready: bool, sick: dict[str, str], metrics: str) -> ServiceStatus:
    """Combine the response of `/ready` and the metrics of one service."""
    values = parse_metrics(metrics)
    return ServiceStatus(
        service,
        reachable=True,
        ready=ready,
        sick=sick,
        lag_events=_whole_number(values, "redress_lag_events"),
        lag_seconds=values.get("redress_lag_seconds"),
        unpublished_seconds=values.get("redress_oldest_unpublished_seconds"),
        dead_letters=_whole_number(values, "redress_dead_letters"),
        breaker_open=values.get("redress_breaker_open", 0) > 0,
    )


def parse_metrics(text: str) -> dict[str, float]:
    """Parse the Prometheus text format into values by name, summed over labels."""
    values: dict[str, float] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            values[sample.name] = values.get(sample.name, 0.0) + sample.value
    return values


def _whole_number(values: dict[str, float], name: str) -> int | None:
    value = values.get(name)
    return None if value is None else int(value)


def describe_problem(status: ServiceStatus) -> str:
    """Describe in one sentence why a service is not well; empty if it is."""
    if status.is_well:
        return ""
    letters = [f"{status.dead_letters} dead letters"] if status.dead_letters else []
    return f"{status.service}: {'; '.join([_state_text(status), *letters])}"


def _state_text(status: ServiceStatus) -> str:
    breaker = ["stopped consuming: too many events cannot be applied"] if status.breaker_open else []
    sick = [f"{part}: {problem}" for part, problem in status.sick.items()]
    return "; ".join(["ready" if status.ready else "not ready", *breaker, *sick])


def _table_row(status: ServiceStatus) -> tuple[str, ...]:
    state = _state_text(status)
    lag = "" if status.lag_events is None else f"{status.lag_events} ({_age_text(status.lag_seconds)})"
    return (status.service, state, lag, _age_text(status.unpublished_seconds), _number_text(status.dead_letters))


def _number_text(value: int | None) -> str:
    return "" if value is None else str(value)


def _age_text(seconds: float | None) -> str:
    if seconds is None:
        return ""
    return f"{seconds:.1f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
