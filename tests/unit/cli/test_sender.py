"""Sending against an intake of ten lines that can be away, busy, or strict."""

import json
from collections.abc import Callable, Iterator

import httpx
import pytest

from deploy.cli.submit.results import RowResult, SubmitCounts, SubmitLine
from deploy.cli.submit.sender import SendOptions, SubmitSender, split_batches
from shared.errors import Misconfigured, Rejected, Unavailable

Handler = Callable[[list[dict[str, str]]], httpx.Response]


def accept(lines: list[dict[str, str]]) -> httpx.Response:
    told = [{"status": 201, "id": line["key"], "reference": "RC"} for line in lines]
    return httpx.Response(200, content="\n".join(json.dumps(item) for item in told))


def refuse(lines: list[dict[str, str]]) -> httpx.Response:
    told = [{"status": 422, "problem": {"detail": "narrative: missing"}} for _ in lines]
    return httpx.Response(200, content="\n".join(json.dumps(item) for item in told))


def lines(count: int) -> Iterator[SubmitLine]:
    return (SubmitLine(number, json.dumps({"key": str(number)}).encode()) for number in range(1, count + 1))


async def send(handler: Handler, count: int, pace: SendOptions) -> tuple[SubmitCounts, list[RowResult]]:
    def answer(request: httpx.Request) -> httpx.Response:
        return handler([json.loads(line) for line in request.content.splitlines()])

    tally, told = SubmitCounts(), list[RowResult]()
    transport = httpx.MockTransport(answer)
    async with httpx.AsyncClient(transport=transport, base_url="http://intake") as client:
        await SubmitSender(client, tally, pace, report=told.append).send_all(lines(count))
    return tally, told


async def test_every_row_is_answered_for() -> None:
    tally, told = await send(accept, 1001, SendOptions(rows=100))
    assert tally.outcomes == {"accepted": 1001}
    assert sorted(map(int, tally.ids)) == list(range(1, 1002))
    assert told == []


async def test_a_batch_is_sent_again_while_intake_is_away() -> None:
    calls = iter([httpx.Response(503), httpx.Response(502)])

    def handler(batch: list[dict[str, str]]) -> httpx.Response:
        return next(calls, None) or accept(batch)

    tally, _ = await send(handler, 10, SendOptions(at_once=1))
    assert tally.outcomes == {"accepted": 10}


async def test_patience_ends_with_a_sentence() -> None:
    with pytest.raises(Unavailable, match="did not take the rows"):
        await send(lambda _: httpx.Response(503), 10, SendOptions(patience=0.01))


async def test_a_batch_too_large_is_halved_until_it_fits() -> None:
    def handler(batch: list[dict[str, str]]) -> httpx.Response:
        return accept(batch) if len(batch) <= 3 else httpx.Response(413)

    tally, _ = await send(handler, 50, SendOptions(rows=50))
    assert tally.outcomes == {"accepted": 50}


async def test_a_single_row_too_large_is_rejected_by_its_line() -> None:
    def handler(batch: list[dict[str, str]]) -> httpx.Response:
        return httpx.Response(413) if any(item["key"] == "7" for item in batch) else accept(batch)

    tally, told = await send(handler, 10, SendOptions(rows=10))
    assert tally.outcomes == {"accepted": 9, "rejected": 1}
    assert told == [RowResult(7, "rejected", reason="larger than intake takes")]


async def test_a_line_that_cannot_be_taken_now_is_sent_again_alone() -> None:
    seen: list[str] = []

    def handler(batch: list[dict[str, str]]) -> httpx.Response:
        told = []
        for line in batch:
            busy = line["key"] == "7" and "7" not in seen
            seen.append(line["key"])
            told.append({"status": 503, "problem": {}} if busy else {"status": 201, "id": line["key"]})
        return httpx.Response(200, content="\n".join(json.dumps(item) for item in told))

    tally, _ = await send(handler, 10, SendOptions(rows=10))
    assert tally.outcomes == {"accepted": 10}
    assert seen.count("7") == 2
    assert len(seen) == 11


async def test_what_intake_had_already_is_counted_apart() -> None:
    def handler(batch: list[dict[str, str]]) -> httpx.Response:
        told = [{"status": 201, "id": line["key"], "replayed": True} for line in batch]
        return httpx.Response(200, content="\n".join(json.dumps(item) for item in told))

    tally, told = await send(handler, 10, SendOptions())
    assert tally.outcomes == {"replayed": 10}
    assert tally.good == 10
    assert told == []


async def test_a_refused_token_stops_at_once() -> None:
    with pytest.raises(Misconfigured, match="token"):
        await send(lambda _: httpx.Response(401, json={"detail": "expired"}), 10, SendOptions())


async def test_a_mapping_that_refuses_every_row_stops_early_with_the_reason() -> None:
    with pytest.raises(Rejected, match="narrative: missing"):
        await send(refuse, 100_000, SendOptions(rows=100))


async def test_whoever_insists_gets_every_row_refused() -> None:
    tally, told = await send(refuse, 500, SendOptions(rows=100, keep_going=True))
    assert tally.outcomes == {"rejected": 500}
    assert len(told) == 500


async def test_fewer_answers_than_lines_is_not_taken_for_success() -> None:
    def handler(batch: list[dict[str, str]]) -> httpx.Response:
        return accept(batch[1:])

    with pytest.raises(Unavailable, match="9 of 10"):
        await send(handler, 10, SendOptions(patience=0.01))


def test_batches_keep_order_and_both_limits() -> None:
    made = list(
        split_batches(iter([SubmitLine(n, b"x" * size) for n, size in enumerate([4, 4, 4, 50, 4])]), rows=2, size=10)
    )
    assert [[line.number for line in batch] for batch in made] == [[0, 1], [2], [3], [4]]
