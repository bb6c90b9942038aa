"""Outages on real PostgreSQL: detected, recorded, named as the cause of breaches, and promises marked at risk."""

from datetime import UTC, datetime, timedelta

from services.sla.store.outages import SELECT_DUE_SOON
from services.sla.workers.outages import DUE_SOON_MAX, OutageMonitor
from shared.contracts.events import (
    ClockBreached,
    ComplaintReceived,
    PromiseAtRisk,
)
from shared.storage.postgres import transaction
from tests.factories import complaint_id
from tests.integration.sla_client import SlaClient, accepted, sla_settings, triaged

OFTEN = timedelta(seconds=1)


def monitor(module_sla: SlaClient) -> OutageMonitor:
    """Return a monitor with a long look-ahead and a low threshold of untold customers."""
    dsn = module_sla.runtime.settings.postgres.get_secret_value()
    return OutageMonitor(sla_settings(dsn, module_sla.keys, untold_count=3, risk_hours=30 * 24))


async def delete_outages(module_sla: SlaClient) -> None:
    async with transaction(module_sla.runtime.pool) as conn:
        await conn.execute("delete from outage")
        await conn.execute("delete from heartbeat")
    module_sla.runtime.metrics.gauge("redress_lag_seconds", 0)


async def outages(module_sla: SlaClient) -> list[tuple[str, bool]]:
    answer = (await module_sla.http.get("/v1/outages")).json()["outages"]
    return [(entry["cause"], entry["until"] is not None) for entry in answer]


async def test_a_downtime_is_recorded_at_the_next_heartbeat(module_sla: SlaClient) -> None:
    await delete_outages(module_sla)
    outage_monitor = monitor(module_sla)
    await outage_monitor.run_once(module_sla.runtime)
    assert await outages(module_sla) == []
    await outage_monitor.run_once(module_sla.runtime)
    assert await outages(module_sla) == [], "no heartbeat was late"
    async with transaction(module_sla.runtime.pool) as conn:
        await conn.execute(
            "update heartbeat set at = now() - interval '2 hours', expires_at = now() - interval '1 hour'"
        )
    assert await outages(module_sla) == [("downtime", False)], "reported before it is recorded"
    await outage_monitor.run_once(module_sla.runtime)
    assert await outages(module_sla) == [("downtime", True)]


async def test_a_breach_during_a_downtime_has_downtime_as_its_cause(module_sla: SlaClient) -> None:
    await delete_outages(module_sla)
    subject = await module_sla.opened(ago=timedelta(hours=2), severity="critical", team="night")
    async with transaction(module_sla.runtime.pool) as conn:
        await conn.execute(
            "insert into heartbeat (at, expires_at) values (now() - interval '3 hours', now() - interval '2 hours')"
        )
    for _ in range(3):
        await module_sla.runtime.timers.run_once()
    causes = {fact.cause for fact in await module_sla.published(subject) if isinstance(fact, ClockBreached)}
    assert causes == {"downtime"}
    await monitor(module_sla).run_once(module_sla.runtime)
    answer = (await module_sla.http.get("/v1/breaches", params={"team": "night"})).json()
    assert set(answer["by_cause"]) == {"downtime"}
    assert {group["clock"] for group in answer["missed"]} >= {"assignment"}
    assert {group["team"] for group in answer["missed"]} == {"night"}


async def test_lag_above_the_limit_is_an_outage_until_no_replica_reports_it(module_sla: SlaClient) -> None:
    await delete_outages(module_sla)
    module_sla.runtime.metrics.gauge("redress_lag_seconds", 900)
    await monitor(module_sla).run_once(module_sla.runtime)
    await monitor(module_sla).run_once(module_sla.runtime)
    assert await outages(module_sla) == [("lag", False)]
    assert module_sla.runtime.metrics.value("redress_outage", label="lag") == 1
    module_sla.runtime.metrics.gauge("redress_lag_seconds", 0)
    await monitor(module_sla).run_once(module_sla.runtime)
    assert await outages(module_sla) == [("lag", False)], "another replica may still report it"
    async with transaction(module_sla.runtime.pool) as conn:
        await conn.execute("update outage set seen_at = now() - interval '2 minutes'")
    await monitor(module_sla).run_once(module_sla.runtime)
    assert await outages(module_sla) == [("lag", True)]


async def test_during_an_outage_each_promise_due_soon_is_marked_at_risk_once(module_sla: SlaClient) -> None:
    await delete_outages(module_sla)
    subject = await module_sla.opened(team="named")
    module_sla.runtime.metrics.gauge("redress_lag_seconds", 900)
    outage_monitor = monitor(module_sla)
    assert await outage_monitor.run_once(module_sla.runtime) >= 1
    assert await outage_monitor.run_once(module_sla.runtime) == 0
    await monitor(module_sla).run_once(module_sla.runtime)  # another process
    named = [fact for fact in await module_sla.published(subject) if isinstance(fact, PromiseAtRisk)]
    assert [(fact.promise, fact.cause) for fact in named] == [(1, "lag")]


async def test_after_a_downtime_each_promise_that_lost_business_time_is_marked_at_risk_once(
    module_sla: SlaClient,
) -> None:
    await delete_outages(module_sla)
    before = await module_sla.opened(ago=timedelta(hours=3), severity="critical", team="woken")
    async with transaction(module_sla.runtime.pool) as conn:
        await conn.execute(
            "insert into heartbeat (at, expires_at) values (now() - interval '2 hours', now() - interval '1 hour')"
        )
        await monitor(module_sla).renew_heartbeat(conn)  # as at the start, before a timer fires
    after = await module_sla.opened(severity="critical", team="woken")
    outage_monitor = monitor(module_sla)
    assert await outage_monitor.run_once(module_sla.runtime) >= 1
    assert [await outage_monitor.run_once(module_sla.runtime) for _ in range(2)] == [0, 0]
    await monitor(module_sla).run_once(module_sla.runtime)  # another process
    events = {subject: await module_sla.published(subject) for subject in (before, after)}
    named = {subject: [fact for fact in facts if isinstance(fact, PromiseAtRisk)] for subject, facts in events.items()}
    assert [(fact.promise, fact.cause) for fact in named[before]] == [(1, "downtime")]
    assert named[after] == [], "no downtime since it was made"

    async with transaction(module_sla.runtime.pool) as conn:
        await conn.execute("update outage set since = since - interval '31 days', until = until - interval '31 days'")
    later = await module_sla.opened(ago=timedelta(hours=3), severity="critical", team="woken")
    assert await monitor(module_sla).run_once(module_sla.runtime) == 0
    assert not [fact for fact in await module_sla.published(later) if isinstance(fact, PromiseAtRisk)]


async def test_a_broken_promise_does_not_hide_another_promise_due_soon(module_sla: SlaClient) -> None:
    await delete_outages(module_sla)
    subject = await module_sla.opened(ago=timedelta(days=5), severity="critical", team="owed")
    while await module_sla.runtime.timers.run_once():
        pass
    _, seen = await module_sla.clocks(subject)
    soon = {"subject": "next_update", "due_at": (datetime.now(UTC) + timedelta(hours=1)).isoformat()}
    await module_sla.http.post(f"/v1/complaints/{subject}/promises", json=soon, headers={"if-match": seen})
    module_sla.runtime.metrics.gauge("redress_lag_seconds", 900)
    outage_monitor = monitor(module_sla)
    await outage_monitor.run_once(module_sla.runtime)
    now = datetime.now(UTC)
    await module_sla.receive(subject, (accepted(2, now, "progress"), now))
    await outage_monitor.run_once(module_sla.runtime)  # the customer has been told since
    await outage_monitor.run_once(module_sla.runtime)
    named = [fact for fact in await module_sla.published(subject) if isinstance(fact, PromiseAtRisk)]
    assert [(fact.promise, fact.cause, fact.subject) for fact in named] == [(2, "lag", "next_update")]


async def test_promises_due_soon_are_read_by_index(module_sla: SlaClient) -> None:
    async with transaction(module_sla.runtime.pool) as conn:
        await conn.execute("set local enable_seqscan = off")
        plan = await conn.fetch(f"explain {SELECT_DUE_SOON}", datetime.now(UTC), DUE_SOON_MAX)
        text = "\n".join(row[0] for row in plan)
        assert "complaint_promised" in text, text


async def test_promises_without_accepted_message_are_an_outage_of_the_provider(module_sla: SlaClient) -> None:
    await delete_outages(module_sla)
    async with transaction(module_sla.runtime.pool) as conn:
        await conn.execute("update complaint set untold_since = null")
    at = datetime.now(UTC) - timedelta(minutes=40)
    for n in range(3):
        assert await monitor(module_sla).run_once(module_sla.runtime) == 0, n
        subject = complaint_id()
        await module_sla.receive(
            subject,
            (ComplaintReceived(reference="R", client="shop", channel="web", received_at=at), at),
            (triaged(), at),
        )
    await monitor(module_sla).run_once(module_sla.runtime)
    assert await outages(module_sla) == [("provider", False)]
