"""Waiting until all complaints of a submission are triaged and acknowledged."""

import httpx

from deploy.cli.submit.wait import ProcessedCounts, wait_until_processed


async def wait(handler: httpx.MockTransport, ids: list[str], seconds: float = 30.0) -> ProcessedCounts:
    async with httpx.AsyncClient(transport=handler, base_url="http://intake") as client:
        return await wait_until_processed(client, ids, seconds=seconds, report=lambda _: None)


def respond_with_record(*, triaged: bool = True, acknowledged: bool = True) -> httpx.MockTransport:
    record = {
        "understood": {} if not triaged else {"category": ["x"]},
        "acknowledged_at": "now" if acknowledged else None,
    }
    return httpx.MockTransport(lambda _: httpx.Response(200, json=record))


async def test_counts_agree_when_every_complaint_is_acknowledged() -> None:
    counts = await wait(respond_with_record(), [str(n) for n in range(250)])
    assert (counts.submitted, counts.triaged, counts.acknowledged) == (250, 250, 250)
    assert counts.is_complete


async def test_a_complaint_that_was_replayed_twice_counts_once() -> None:
    counts = await wait(respond_with_record(), ["a", "a", "b"])
    assert counts.submitted == 2
    assert counts.is_complete


async def test_triaged_but_unacknowledged_complaints_are_counted_apart() -> None:
    counts = await wait(respond_with_record(acknowledged=False), ["a", "b"], seconds=0.01)
    assert (counts.triaged, counts.acknowledged) == (2, 0)
    assert not counts.is_complete


async def test_an_unavailable_intake_is_requested_again() -> None:
    answers = iter([httpx.Response(503)])

    def handler(_: httpx.Request) -> httpx.Response:
        ready = {"understood": {"category": ["x"]}, "acknowledged_at": "now"}
        return next(answers, None) or httpx.Response(200, json=ready)

    counts = await wait(httpx.MockTransport(handler), ["a"])
    assert counts.is_complete
