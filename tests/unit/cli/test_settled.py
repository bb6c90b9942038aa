"""Waiting for counts to agree."""

import httpx

from deploy.cli.submit.wait import ProcessedCounts, wait_until_processed


async def wait(handler: httpx.MockTransport, ids: list[str], seconds: float = 30.0) -> ProcessedCounts:
    async with httpx.AsyncClient(transport=handler, base_url="http://intake") as client:
        return await wait_until_processed(client, ids, seconds=seconds, report=lambda _: None)


def records(*, triaged: bool = True, acknowledged: bool = True) -> httpx.MockTransport:
    told = {
        "understood": {} if not triaged else {"category": ["x"]},
        "acknowledged_at": "now" if acknowledged else None,
    }
    return httpx.MockTransport(lambda _: httpx.Response(200, json=told))


async def test_counts_agree_once_everything_is_told() -> None:
    found = await wait(records(), [str(n) for n in range(250)])
    assert (found.submitted, found.triaged, found.acknowledged) == (250, 250, 250)
    assert found.is_complete


async def test_a_complaint_that_was_replayed_twice_counts_once() -> None:
    found = await wait(records(), ["a", "a", "b"])
    assert found.submitted == 2
    assert found.is_complete


async def test_what_is_triaged_and_not_acknowledged_is_counted_as_that() -> None:
    found = await wait(records(acknowledged=False), ["a", "b"], seconds=0.01)
    assert (found.triaged, found.acknowledged) == (2, 0)
    assert not found.is_complete


async def test_an_intake_that_is_away_is_asked_again() -> None:
    answers = iter([httpx.Response(503)])

    def handler(_: httpx.Request) -> httpx.Response:
        ready = {"understood": {"category": ["x"]}, "acknowledged_at": "now"}
        return next(answers, None) or httpx.Response(200, json=ready)

    found = await wait(httpx.MockTransport(handler), ["a"])
    assert found.is_complete
