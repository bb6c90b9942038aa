"""Sending of lines to an intake that is unavailable, overloaded, or refuses them."""

import json
from collections.abc import Callable, Iterator

import httpx
import pytest

from deploy.cli.submit.results import RowResult, SubmitCounts, SubmitLine
from deploy.cli.submit.sender import SendOptions, SubmitSender, split_batches
from shared.errors import Misconfigured, Rejected, Unavailable

Handler = Callable[[list[dict[str, str]]], httpx.Response]


def accept(lines: list[dict[str, str]]) -> httpx.Response:
    results = [{"status": 201, "id": line["key"], "reference": "RC"} for line in lines]
    return httpx.Response(200, content="\n".join(json.dumps(item) for item in results))


def refuse(lines: list[dict[str, str]]) -> httpx.Response:
    results = [{"status": 422, "problem": {"detail": "narrative: missing"}} for _ in lines]
    return httpx.Response(200, content="\n".join(json.dumps(item) for item in results))


def lines(count: int) -> Iterator[SubmitLine]:
    return (SubmitLine(number, json.dumps({"key": str(number)}).encode()) for number in range(1, count + 1))


async def send(handler: Handler, count: int, options: SendOptions) -> tuple[SubmitCounts, list[RowResult]]:
    def respond(request: httpx.Request) -> httpx.Response:
        return handler([json.loads(line) for line in request.content.splitlines()])

    counts, results = SubmitCounts(), list[RowResult]()
    transport = httpx.MockTransport(respond)
    async with httpx.AsyncClient(transport=transport, base_url="http://intake") as client:
        await SubmitSender(client, counts, options, report=results.append).send_all(lines(count))
    return counts, results


async def test_every_row_has_a_result() -> None:
    counts, results = await send(accept, 1001, SendOptions(rows=100))
    assert counts.outcomes == {"accepted": 1001}
    assert sorted(map(int, counts.ids)) == list(range(1, 1002))
    assert results == []


async def test_a_batch_is_sent_again_while_intake_is_unavailable() -> None:
    calls = iter([httpx.Response(503), httpx.Response(502)])

    def handler(batch: list[dict[str, str]]) -> httpx.Response:
        return next(calls, None) or accept(batch)

    counts, _ = await send(handler, 10, SendOptions(at_once=1))
    assert counts.outcomes == {"accepted": 10}


async def test_an_intake_that_stays_unavailable_is_reported_after_the_patience_has_ended() -> None:
    with pytest.raises(Unavailable, match="did not accept the rows"):
        await send(lambda _: httpx.Response(503), 10, SendOptions(patience=0.01))


async def test_a_batch_too_large_is_halved_until_it_fits() -> None:
    def handler(batch: list[dict[str, str]]) -> httpx.Response:
        return accept(batch) if len(batch) <= 3 else httpx.Response(413)

    counts, _ = await send(handler, 50, SendOptions(rows=50))
    assert counts.outcomes == {"accepted": 50}


async def test_a_single_row_too_large_is_rejected_by_its_line() -> None:
    def handler(batch: list[dict[str, str]]) -> httpx.Response:
        return httpx.Response(413) if any(item["key"] == "7" for item in batch) else accept(batch)

    counts, results = await send(handler, 10, SendOptions(rows=10))
    assert counts.outcomes == {"accepted": 9, "rejected": 1}
    assert results == [RowResult(7, "rejected", reason="larger than intake accepts")]


async def test_a_line_that_cannot_be_accepted_now_is_sent_again_alone() -> None:
    keys: list[str] = []

    def handler(batch: list[dict[str, str]]) -> httpx.Response:
        results = []
        for line in batch:
            busy = line["key"] == "7" and "7" not in keys
            keys.append(line["key"])
            results.append({"status": 503, "problem": {}} if busy else {"status": 201, "id": line["key"]})
        return httpx.Response(200, content="\n".join(json.dumps(item) for item in results))

    counts, _ = await send(handler, 10, SendOptions(rows=10))
    assert counts.outcomes == {"accepted": 10}
    assert keys.count("7") == 2
    assert len(keys) == 11


async def test_replayed_rows_are_counted_apart() -> None:
    def handler(batch: list[dict[str, str]]) -> httpx.Response:
        results = [{"status": 201, "id": line["key"], "replayed": True} for line in batch]
        return httpx.Response(200, content="\n".join(json.dumps(item) for item in results))

    counts, results = await send(handler, 10, SendOptions())
    assert counts.outcomes == {"replayed": 10}
    assert counts.good == 10
    assert results == []


async def test_a_refused_token_stops_at_once() -> None:
    with pytest.raises(Misconfigured, match="token"):
        await send(lambda _: httpx.Response(401, json={"detail": "expired"}), 10, SendOptions())


async def test_a_mapping_that_refuses_every_row_stops_early_with_the_reason() -> None:
    with pytest.raises(Rejected, match="narrative: missing"):
        await send(refuse, 100_000, SendOptions(rows=100))


async def test_keep_going_sends_all_rows_although_each_is_rejected() -> None:
    counts, results = await send(refuse, 500, SendOptions(rows=100, keep_going=True))
    assert counts.outcomes == {"rejected": 500}
    assert len(results) == 500


async def test_fewer_results_than_lines_are_an_error() -> None:
    def handler(batch: list[dict[str, str]]) -> httpx.Response:
        return accept(batch[1:])

    with pytest.raises(Unavailable, match="9 of 10"):
        await send(handler, 10, SendOptions(patience=0.01))


def test_batches_keep_order_and_both_limits() -> None:
    batches = list(
        split_batches(iter([SubmitLine(n, b"x" * size) for n, size in enumerate([4, 4, 4, 50, 4])]), rows=2, size=10)
    )
    assert [[line.number for line in batch] for batch in batches] == [[0, 1], [2], [3], [4]]
