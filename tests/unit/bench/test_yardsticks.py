"""A yardstick that measures wrongly is worse than none."""

import asyncio
import json
from itertools import islice
from typing import Any

import pytest

from services.intake.forms import COMPLAINT
from tests.bench import bare_pipeline, report
from tests.bench.http_load import Connection, percentile, run_closed_loop, run_open_loop
from tests.bench.request_bodies import Target, email_address, generate_requests
from tests.bench.smtp_sink import SmtpSink

ANSWER = b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n{}"


def bodies(count: int) -> list[bytes]:
    return [request.partition(b"\r\n\r\n")[2] for request in islice(generate_requests(Target(1), "r1"), count)]


def test_every_request_is_a_complaint_that_intake_accepts() -> None:
    for body in bodies(240):
        COMPLAINT.validate_json(body)


def test_a_request_says_how_long_it_is() -> None:
    for request in islice(generate_requests(Target(1), "r1"), 50):
        head, _, body = request.partition(b"\r\n\r\n")
        assert f"Content-Length: {len(body)}".encode() in head


def test_no_two_requests_share_a_key_or_an_address() -> None:
    heads = [request.partition(b"\r\n\r\n")[0] for request in islice(generate_requests(Target(1), "r1"), 500)]
    addresses = [json.loads(body)["customer"]["email"] for body in bodies(500)]
    assert len(set(heads)) == len(set(addresses)) == 500
    assert addresses == [email_address("r1", number) for number in range(500)]


def test_requests_are_about_a_kilobyte() -> None:
    sizes = [len(body) for body in bodies(240)]
    assert 700 < sum(sizes) / len(sizes) < 1400


def test_the_percentile_is_a_value_that_was_measured() -> None:
    values = [float(number) for number in range(100, 0, -1)]
    assert percentile(values, 50) == 51.0
    assert percentile(values, 99) == 100.0
    assert percentile([], 99) == 0.0


def test_an_answer_that_comes_in_pieces_counts_once() -> None:
    seen: list[int] = []
    connection = Connection(lambda _, status: seen.append(status))
    for piece in (ANSWER[:20], ANSWER[20:-1], ANSWER[-1:], ANSWER):
        connection.data_received(piece)
    assert seen == [201, 201]


async def answering(delay: float) -> asyncio.Server:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
                await reader.readexactly(length)
                await asyncio.sleep(delay)
                writer.write(ANSWER)
        except asyncio.IncompleteReadError:
            writer.close()

    return await asyncio.start_server(serve, "127.0.0.1", 0)


async def test_a_closed_loop_sends_exactly_what_was_asked() -> None:
    async with await answering(0.0) as server:
        target = Target(server.sockets[0].getsockname()[1])
        tally = await run_closed_loop(target, generate_requests(target, "r1"), connections=4, count=101)
    assert tally.answers == {201: 101}
    assert len(tally.latencies) == len(tally.sent_at) == 101


async def test_a_paced_load_counts_the_wait_for_a_free_connection() -> None:
    async with await answering(0.02) as server:
        target = Target(server.sockets[0].getsockname()[1])
        tally = await run_open_loop(target, generate_requests(target, "r1"), rate=200, seconds=0.1, connections=1)
    assert tally.answers == {201: 20}
    assert tally.percentile(99) > 0.2


async def dialogue(port: int, sent: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(sent)
    writer.write_eof()
    received = await reader.read()
    writer.close()
    return received


async def test_the_sink_takes_pipelined_mail_and_knows_for_whom() -> None:
    sink = SmtpSink()
    sink.expect("r1n")
    mail = b"MAIL FROM:<a@example.org>\r\nRCPT TO:<r1n1@example.com>\r\nDATA\r\nSubject: x\r\n\r\nhello\r\n.\r\n"
    async with await sink.listen(0) as server:
        port = server.sockets[0].getsockname()[1]
        answers = await dialogue(port, b"EHLO me\r\n" + mail + mail.replace(b"r1n1", b"other") + b"QUIT\r\n")
        assert await sink.until(1, 1.0)
    assert answers.count(b"250 OK taken") == 2
    assert set(sink.taken) == {"r1n1@example.com"}
    assert sink.mails == 2


async def test_the_sink_says_when_mail_does_not_come() -> None:
    assert not await SmtpSink().until(1, 0.01)


@pytest.mark.parametrize("kind", bare_pipeline.EVENT_BYTES)
def test_a_bare_event_has_the_size_of_ours_and_its_customer(kind: bytes) -> None:
    made = bare_pipeline.build_event(kind, b"r001n00000001@example.com")
    assert len(made) == bare_pipeline.EVENT_BYTES[kind]
    assert bare_pipeline.parse_address(made) == b"r001n00000001@example.com"


def test_what_a_bare_process_says_somebody_hears() -> None:
    published = {
        kind for table in bare_pipeline.PUBLISHED_KINDS.values() for kinds in table.values() for kind in kinds
    } | {b"R", b"M"}
    subscribed = {
        kind for kinds in bare_pipeline.SUBSCRIBED_KINDS.values() for kind in (bytes([code]) for code in kinds)
    }
    assert published - subscribed <= {b"C"}  # a stopped clock is only for the record


def accepted(*, redress: float, plain: float) -> dict[str, Any]:
    side = {"p50_ms": 1.0, "p99_ms": 2.0}
    return {"connections": 16, "redress": {**side, "rate": redress}, "plain": {**side, "rate": plain, "p99_ms": 3.0}}


def test_the_verdict_follows_from_the_ratio() -> None:
    (reached, _) = report.build_figures({"accept_16": accepted(redress=1500, plain=1000)})
    (missed, _) = report.build_figures({"accept_16": accepted(redress=1499, plain=1000)})
    assert (reached.reached, missed.reached) == (True, False)
    assert "plain 1,000/s" in reached.other
