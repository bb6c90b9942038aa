"""Status of a service, built from `/ready` and `/metrics`."""

from deploy.cli.status import ServiceStatus, build_status, describe_problem, parse_metrics
from shared.ops.metrics import Metrics


def render_metrics(**gauges: float) -> str:
    metrics = Metrics()
    for name, value in gauges.items():
        metrics.gauge(name, value)
    metrics.gauge("redress_dead_letters", 2, label="buried")
    metrics.gauge("redress_dead_letters", 3, label="parked")
    return metrics.render().decode()


def test_status_numbers_are_read_from_exported_metrics() -> None:
    text = render_metrics(redress_lag_events=7, redress_lag_seconds=1.5, redress_oldest_unpublished_seconds=0.2)
    status = build_status("sla", ready=True, sick={}, metrics=text)
    assert (status.lag_events, status.lag_seconds, status.unpublished_seconds) == (7, 1.5, 0.2)
    assert status.dead_letters == 5


def test_values_of_all_labels_are_summed() -> None:
    assert parse_metrics(render_metrics())["redress_dead_letters"] == 5.0


def test_a_service_with_dead_letters_is_not_well() -> None:
    assert not ServiceStatus("sla", reachable=True, ready=True, dead_letters=1).is_well
    assert ServiceStatus("sla", reachable=True, ready=True, dead_letters=0).is_well


def test_a_service_with_a_failing_part_or_an_open_breaker_is_not_well() -> None:
    assert not ServiceStatus("sla", reachable=True, ready=True, sick={"kafka": "away"}).is_well
    assert not ServiceStatus("sla", reachable=True, ready=True, breaker_open=True).is_well


def test_a_problem_is_one_sentence_and_empty_if_there_is_none() -> None:
    assert describe_problem(ServiceStatus("sla", reachable=True, ready=True, dead_letters=0)) == ""
    sick = ServiceStatus("sla", reachable=True, ready=False, sick={"kafka": "away"}, dead_letters=3, breaker_open=True)
    assert (
        describe_problem(sick)
        == "sla: not ready; stopped consuming: too many events cannot be applied; kafka: away; 3 dead letters"
    )
