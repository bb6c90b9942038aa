"""`redress status`: is every service at work, and what is waiting."""

import asyncio
from dataclasses import asdict, dataclass, field
from typing import Annotated

import httpx
import typer
from prometheus_client.parser import text_string_to_metric_families

from deploy.cli import output
from deploy.cli.endpoints import Endpoints, doors
from deploy.cli.output import Exit
from shared.contracts import SERVICES


@dataclass(frozen=True, slots=True)
class Standing:
    """One service as its `/ready` and `/metrics` tell it; numbers are None where it does not answer."""

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
        """Ready, and nothing is buried."""
        return self.ready and not self.sick and not self.dead_letters and not self.breaker_open


def status(json: Annotated[bool, typer.Option("--json", help="For machines.")] = False) -> None:
    """Every service: ready or which part is sick, lag, oldest unpublished event, dead letters. Exit 1 when not well."""
    found = asyncio.run(ask_all(doors()))
    if json:
        output.as_json([asdict(one) | {"well": one.is_well} for one in found])
    else:
        columns = ("service", "state", "lag", "oldest unpublished", "dead letters")
        output.table("Redress", columns, map(_row, found))
    if not any(one.reachable for one in found):
        raise output.stop(
            "No service answers. `redress up` starts them; REDRESS_INTAKE_URL names another place.", Exit.AWAY
        )
    if not all(one.is_well for one in found):
        raise typer.Exit(Exit.TO_DO)


async def ask_all(places: Endpoints) -> list[Standing]:
    """All services side by side."""
    return list(await asyncio.gather(*(ask(places, service.name) for service in SERVICES)))


async def ask(places: Endpoints, service: str) -> Standing:
    """One service; one that does not answer is a finding, not an error."""
    async with places.client(service, seconds=5) as client:
        try:
            ready, metrics = await asyncio.gather(client.get("/ready"), client.get("/metrics"))
            report = ready.json()
        except (httpx.HTTPError, ValueError) as error:
            return Standing(service, reachable=False, ready=False, sick={"http": f"no answer ({type(error).__name__})"})
    return standing(service, ready=bool(report["ready"]), sick=dict(report["sick"]), metrics=metrics.text)


def standing(service: str, *, ready: bool, sick: dict[str, str], metrics: str) -> Standing:
    """What the two answers say together."""
    values = samples(metrics)
    return Standing(
        service,
        reachable=True,
        ready=ready,
        sick=sick,
        lag_events=_whole(values, "redress_lag_events"),
        lag_seconds=values.get("redress_lag_seconds"),
        unpublished_seconds=values.get("redress_oldest_unpublished_seconds"),
        dead_letters=_whole(values, "redress_dead_letters"),
        breaker_open=values.get("redress_breaker_open", 0) > 0,
    )


def samples(text: str) -> dict[str, float]:
    """Prometheus text as numbers by name, summed over labels."""
    found: dict[str, float] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found[sample.name] = found.get(sample.name, 0.0) + sample.value
    return found


def _whole(values: dict[str, float], name: str) -> int | None:
    value = values.get(name)
    return None if value is None else int(value)


def trouble(one: Standing) -> str:
    """What keeps a service from being well, in a sentence; empty when nothing does."""
    if one.is_well:
        return ""
    letters = [f"{one.dead_letters} dead letters"] if one.dead_letters else []
    return f"{one.service}: {'; '.join([_state(one), *letters])}"


def _state(one: Standing) -> str:
    breaker = ["stopped consuming: too many dead letters"] if one.breaker_open else []
    sick = [f"{part}: {why}" for part, why in one.sick.items()]
    return "; ".join(["ready" if one.ready else "not ready", *breaker, *sick])


def _row(one: Standing) -> tuple[str, ...]:
    state = _state(one)
    lag = "" if one.lag_events is None else f"{one.lag_events} ({_age(one.lag_seconds)})"
    return (one.service, state, lag, _age(one.unpublished_seconds), _shown(one.dead_letters))


def _shown(value: int | None) -> str:
    return "" if value is None else str(value)


def _age(seconds: float | None) -> str:
    if seconds is None:
        return ""
    return f"{seconds:.1f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
