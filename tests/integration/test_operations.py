"""Operator endpoints that every service has, on real PostgreSQL."""

from collections.abc import AsyncIterator

import httpx
import pytest

from shared.messaging.broker import service_broker
from shared.runtime import Runtime
from shared.service import ServiceApp
from shared.settings import ServiceSettings
from tests.factories import settings
from tests.integration.conftest import ToyService
from tests.integration.service_client import Keys, bearer, service_client
from tests.toy import SCHEMA, make_records, toy


def build_toy(settings: ServiceSettings) -> ServiceApp:
    runtime = Runtime(toy(), settings)
    return ServiceApp(runtime, service_broker(runtime), SCHEMA)


@pytest.fixture
async def http(toy_service: ToyService, keys: Keys) -> AsyncIterator[httpx.AsyncClient]:
    async with service_client(build_toy, settings(toy_service.dsn, keys[1]), keys, "operate") as client:
        yield client.http


async def test_a_dead_letter_is_shown_among_many_older_ones(toy_service: ToyService, http: httpx.AsyncClient) -> None:
    await toy_service.pool.execute(
        "insert into dead_letter (event_id, topic, partition, record_offset, value, status, error)"
        " select gen_random_uuid(), 't', 0, n, 'x', 'buried', 'e' from generate_series(1, 100001) n"
    )
    subject, records = make_records("BROKEN")
    await toy_service.runner.apply_records(records)
    letter = await toy_service.pool.fetchval("select max(id) from dead_letter")
    shown = await http.get(f"/admin/dead/{letter}", params={"reveal": True})
    assert shown.status_code == 200
    assert (shown.json()["id"], shown.json()["subject"]) == (letter, str(subject))
    assert shown.json()["event"]["subject"] == str(subject)
    assert "event" not in (await http.get(f"/admin/dead/{letter}")).json(), "contents only on demand"


async def test_a_discarded_dead_letter_is_not_shown(toy_service: ToyService, http: httpx.AsyncClient) -> None:
    _, records = make_records("BROKEN")
    await toy_service.runner.apply_records(records)
    (listed,) = (await http.get("/admin/dead")).json()
    assert (await http.delete(f"/admin/dead/{listed['id']}")).status_code == 204
    assert (await http.get(f"/admin/dead/{listed['id']}")).status_code == 404
    assert (await http.delete(f"/admin/dead/{listed['id']}")).status_code == 404


async def test_dead_letters_need_the_scope_of_an_operator(http: httpx.AsyncClient, keys: Keys) -> None:
    for method, path in (("GET", "/admin/dead"), ("GET", "/admin/dead/1"), ("DELETE", "/admin/breaker")):
        assert (await http.request(method, path, headers=bearer(keys[0], "complaints:read"))).status_code == 403
        assert (await http.request(method, path, headers={"authorization": ""})).status_code == 401


@pytest.mark.parametrize("number", [0, -1, 2**63, 189563869580289994836091055837806592])
@pytest.mark.parametrize("method", ["GET", "DELETE"])
async def test_a_number_that_no_dead_letter_can_have_is_refused(
    http: httpx.AsyncClient, method: str, number: int
) -> None:
    answer = await http.request(method, f"/admin/dead/{number}")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "path.letter"


async def test_the_largest_number_of_a_dead_letter_is_looked_up(http: httpx.AsyncClient) -> None:
    assert (await http.get(f"/admin/dead/{2**63 - 1}")).status_code == 404
