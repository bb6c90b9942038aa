"""Findings of `redress doctor`."""

import socket
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from deploy.cli.doctor import machine, servers
from deploy.cli.topics import TopicState, find_problems


def test_little_memory_is_only_a_note() -> None:
    assert machine.check_memory(500 * 1024**2).level == "note"
    assert machine.check_memory(8 * 1024**3).level == "well"


def test_a_clock_difference_is_a_problem() -> None:
    assert servers.check_clock(0.3).level == "well"
    assert servers.check_clock(-4.0).level == "todo"
    assert "-4.0 s" in servers.check_clock(-4.0).sentence


def test_the_running_python_is_new_enough() -> None:
    assert machine.check_python().level == "well"


def test_a_writable_disk_is_well(tmp_path: Path) -> None:
    assert machine.check_disk(tmp_path).level == "well"


def test_a_port_of_another_program_is_a_problem_that_names_the_setting() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        threading.Thread(target=_close_connections, args=(listener,), daemon=True).start()
        finding = machine.check_ports([("the service sla", port, "SLA_PORT")])[0]
    assert finding.level == "todo"
    assert "SLA_PORT" in finding.sentence


def _close_connections(listener: socket.socket) -> None:
    for _ in range(2):
        listener.accept()[0].close()


class LiveService(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"service": "sla", "live": "yes"}')

    def log_message(self, *args: object) -> None:
        pass


def test_a_port_of_a_running_service_is_well() -> None:
    with HTTPServer(("127.0.0.1", 0), LiveService) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        finding = machine.check_ports([("the service sla", server.server_port, "SLA_PORT")])[0]
        server.shutdown()
    assert finding.level == "well"


def test_a_free_port_is_well() -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    assert machine.check_ports([("the service sla", port, "SLA_PORT")])[0].level == "well"


@pytest.mark.parametrize(
    ("topic", "sentence"),
    [
        (TopicState("t", 0, 0, 0), "redress topics create"),
        (TopicState("t", 3, 1, 0), "expected 12 partitions, got 3"),
        (TopicState("t", 12, 1, 2), "2 partitions have no leader"),
    ],
)
def test_each_problem_of_a_topic_is_a_sentence(topic: TopicState, sentence: str) -> None:
    assert [sentence in problem for problem in find_problems([topic], 12)] == [True]


def test_correct_topics_are_not_mentioned() -> None:
    assert find_problems([TopicState("t", 12, 1, 0)], 12) == []


def test_a_database_that_does_not_answer_is_one_sentence_without_the_password() -> None:
    findings = servers.check_postgres({"sla": "postgresql://redress_sla:secret@127.0.0.1:9/redress"})
    assert [finding.level for finding in findings] == ["todo"]
    assert "secret" not in findings[0].sentence


async def test_a_kafka_that_does_not_answer_is_one_sentence() -> None:
    findings = await servers.check_kafka("127.0.0.1:9")
    assert [finding.level for finding in findings] == ["todo"]
    assert "127.0.0.1:9" in findings[0].sentence
