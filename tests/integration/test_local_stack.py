"""Embedded stack with real processes: data survives crashes, access is restricted, no process is left running."""

import asyncio
import json
import os
import re
import signal
import smtplib
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import fields
from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import httpx
import psutil
import psycopg
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from deploy.local.kafka import EmbeddedKafka
from deploy.local.keys import ensure_token_keys
from deploy.local.port_config import VARIABLES, PortConfig
from deploy.local.ports import find_free_port
from deploy.local.postgres import EmbeddedPostgres
from deploy.local.processes import Child
from deploy.local.stack import Stack
from deploy.local.topics import create_topics, topic_settings
from shared.auth import create_token
from shared.contracts import INTAKE
from shared.errors import Misconfigured

ROOT = Path(__file__).parents[2]
TIMEOUT_SECONDS = 120.0  # seconds; on a busy machine a start takes long


def wait_until(condition: Callable[[], bool], *, seconds: float = TIMEOUT_SECONDS) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "the condition was not met in time"
        time.sleep(0.05)


# PostgreSQL


def test_a_service_reads_no_other_services_schema(postgres: EmbeddedPostgres) -> None:
    with psycopg.connect(postgres.service_dsn("sla")) as sla:
        sla.execute("create table if not exists closed (promise text)")
    with psycopg.connect(postgres.service_dsn("intake"), autocommit=True) as intake:
        assert intake.execute("select current_schema").fetchone() == ("intake",)
        for refused in ("select * from sla.closed", "create table sla.new ()", "create table public.new ()"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                intake.execute(refused)


def test_postgres_refuses_a_wrong_password(postgres: EmbeddedPostgres) -> None:
    dsn = re.sub(r":[^:@/]+@", ":wrong@", postgres.service_dsn("intake"))
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(dsn)


def test_committed_data_of_postgres_survives_a_kill_and_another_port(tmp_path: Path) -> None:
    with EmbeddedPostgres(tmp_path) as first:
        dsn = first.service_dsn("intake")
        with psycopg.connect(dsn) as connection:
            connection.execute("create table kept as select 42 as answer")
        killed = first.pid
        first.kill()
        assert first.pid is None
        first.start()
        assert first.pid != killed
        with psycopg.connect(dsn) as connection:
            assert connection.execute("select answer from kept").fetchone() == (42,)
    with EmbeddedPostgres(tmp_path) as second, psycopg.connect(second.service_dsn("intake")) as connection:
        assert second.port != first.port
        assert connection.execute("show fsync").fetchone() == ("on",)
        assert connection.execute("select answer from kept").fetchone() == (42,)


def test_postgres_on_a_taken_port_names_the_setting_to_change(postgres: EmbeddedPostgres, tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match=r"needed for PostgreSQL, is taken .* or set REDRESS_POSTGRES_PORT"):
        EmbeddedPostgres(tmp_path, postgres.port).start()


# Kafka


async def _send(bootstrap: str, value: bytes) -> None:
    async with AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all") as producer:
        await producer.send_and_wait(INTAKE.topic, value, key=b"k")


async def _read(bootstrap: str, count: int) -> list[bytes | None]:
    consumer = AIOKafkaConsumer(INTAKE.topic, bootstrap_servers=bootstrap, auto_offset_reset="earliest")
    async with consumer, asyncio.timeout(TIMEOUT_SECONDS):
        return [(await anext(consumer)).value for _ in range(count)]


def test_acknowledged_events_in_kafka_survive_a_restart_and_a_kill(tmp_path: Path) -> None:
    with EmbeddedKafka(tmp_path) as kafka:
        assert asyncio.run(create_topics(kafka.bootstrap)) == sorted(topic_settings())
        asyncio.run(_send(kafka.bootstrap, b"before the restart"))
        kafka.restart()
        assert asyncio.run(create_topics(kafka.bootstrap)) == []
        asyncio.run(_send(kafka.bootstrap, b"before the kill"))
        kafka.kill()
        kafka.start()
        assert asyncio.run(_read(kafka.bootstrap, 2)) == [b"before the restart", b"before the kill"]
        with pytest.raises(Misconfigured, match=rf"topic {INTAKE.topic}: expected 7 partitions, got 12"):
            asyncio.run(create_topics(kafka.bootstrap, partitions=7))


# The mailbox


class Mailbox:
    def __init__(self, home: Path) -> None:
        self.smtp, self.http = find_free_port(), find_free_port()
        self.url = f"http://127.0.0.1:{self.http}"
        options = ["--home", str(home), "--smtp-port", str(self.smtp), "--port", str(self.http), "--faults"]
        self.child = Child("mailbox", home, [sys.executable, "-m", "deploy.local.mailbox", *options])

    def start(self) -> None:
        self.child.start()
        wait_until(lambda: self.child.returncode is not None or _responds(f"{self.url}/live"))
        assert self.child.returncode is None, self.child.tail()

    def send(self, subject: str) -> None:
        message = EmailMessage()
        message["Subject"], message["From"], message["To"] = subject, "desk@example.com", "customer1@example.org"
        message.set_content("We have received it.")
        with smtplib.SMTP("127.0.0.1", self.smtp, timeout=20) as client:
            client.send_message(message)

    def subjects(self) -> list[str]:
        page = httpx.get(f"{self.url}/api/messages", params={"to": "customer1@example.org"}).json()
        return [mail["subject"] for mail in page["messages"]]

    def fault(self, **fault: Any) -> None:
        assert httpx.put(f"{self.url}/api/faults", json=fault).status_code == 200


@pytest.fixture
def mailbox(tmp_path: Path) -> Iterator[Mailbox]:
    mailbox = Mailbox(tmp_path)
    mailbox.start()
    yield mailbox
    assert mailbox.child.stop(seconds=20)


def _responds(url: str) -> bool:
    try:
        return httpx.get(url, timeout=5).status_code == 200
    except httpx.HTTPError:
        return False


def test_an_accepted_mail_survives_a_kill(mailbox: Mailbox) -> None:
    mailbox.send("kept")
    mailbox.child.kill()
    mailbox.start()
    assert mailbox.subjects() == ["kept"]


def test_the_mailbox_fails_as_configured_and_recovers(mailbox: Mailbox) -> None:
    mailbox.fault(kind="defer", count=1)
    with pytest.raises(smtplib.SMTPDataError, match="451"):
        mailbox.send("deferred")
    mailbox.fault(kind="refuse", to="customer1")
    with pytest.raises(smtplib.SMTPDataError, match="550"):
        mailbox.send("refused")
    mailbox.fault(kind="hang", seconds=0.3)
    with pytest.raises(smtplib.SMTPDataError, match="451"):
        mailbox.send("kept waiting")
    mailbox.fault(kind="cut", count=1)
    with pytest.raises(smtplib.SMTPServerDisconnected):
        mailbox.send("cut")
    mailbox.send("healed")
    assert mailbox.subjects() == ["healed", "cut"]


def test_the_mailbox_on_a_taken_port_exits_with_2_and_a_message(mailbox: Mailbox, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "deploy.local.mailbox", "--home", str(tmp_path), "--smtp-port", str(mailbox.smtp)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert "is taken by another program" in done.stderr
    assert "Traceback" not in done.stderr


# The complete stack


class Started:
    """Process of `python -m deploy.local`."""

    def __init__(self, home: Path, ports: PortConfig) -> None:
        self.home, self.ports = home, ports
        self.output = home / "terminal"
        own = {VARIABLES[field.name]: str(getattr(ports, field.name)) for field in fields(ports)}
        with self.output.open("a") as terminal:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "deploy.local", "--home", str(home)],
                cwd=ROOT, env={**os.environ, **own}, stdout=terminal, stderr=terminal,
            )  # fmt: skip

    def terminal_output(self) -> str:
        return self.output.read_text("utf-8")

    def wait_until_ready(self, times: int = 1) -> None:
        wait_until(
            lambda: self.terminal_output().count("every service is ready") == times or self.process.poll() is not None
        )
        assert self.process.poll() is None, self.terminal_output()

    def pids(self) -> dict[str, int]:
        return {
            path.stem: json.loads(path.read_text())["process"]["pid"] for path in (self.home / "run").glob("*.json")
        }

    def token(self) -> str:
        scopes = frozenset({"complaints:write", "complaints:read"})
        private, _ = ensure_token_keys(self.home)
        return create_token(private, client="test", scopes=scopes, lasts=timedelta(hours=1), audience="redress")

    def api(self, method: str, path: str, **options: Any) -> httpx.Response:
        headers = {"authorization": f"Bearer {self.token()}", **options.pop("headers", {})}
        return httpx.request(method, f"{self.ports.url('intake')}{path}", headers=headers, timeout=30, **options)


def running_names(pids: dict[str, int]) -> list[str]:
    alive = []
    for name, pid in pids.items():
        try:
            if psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
                alive.append(name)
        except psutil.NoSuchProcess:
            continue
    return sorted(alive)


COMPLAINT = {
    "customer": {"name": "Customer 1", "email": "customer1@example.org", "locale": "en", "timezone": "UTC"},
    "channel": "web",
    "subject": "Kettle stopped working",
    "narrative": "The kettle stopped working after two days and nobody answers. I want my money back.",
}
ALL = ["intake", "kafka", "mailbox", "notify", "postgres", "sla", "triage"]


@pytest.mark.timeout(600)
def test_a_killed_stack_is_cleaned_up_data_survives_and_ctrl_c_leaves_no_process(tmp_path: Path) -> None:
    ports = PortConfig.free()
    first = Started(tmp_path, ports)
    first.wait_until_ready()
    answer = first.api("POST", "/v1/complaints", json=COMPLAINT, headers={"idempotency-key": "one"})
    assert answer.status_code == 201, answer.text
    complaint = answer.headers["location"]

    second = Started(tmp_path, ports)  # the home is taken
    assert second.process.wait(60) == 2
    assert f"already runs in {tmp_path} (process {first.process.pid})" in second.terminal_output()

    before = first.pids()
    os.kill(before["sla"], signal.SIGKILL)
    wait_until(lambda: first.pids().get("sla") not in {None, before["sla"]})
    assert "sla ended (signal 9); it restarts in 0.5 s" in first.terminal_output()

    left = first.pids()
    first.process.kill()
    first.process.wait(10)
    assert running_names(left) == ALL

    third = Started(tmp_path, ports)
    third.wait_until_ready(times=2)
    assert running_names(left) == []
    assert third.terminal_output().count("was left running by a start that was killed; ended it") == len(ALL)
    assert third.api("GET", complaint).status_code == 200
    mail = f"{ports.url('mailbox')}/api/messages?to=customer1@example.org"
    wait_until(lambda: httpx.get(mail).json()["total"] == 1)

    last = third.pids()
    third.process.send_signal(signal.SIGINT)
    assert third.process.wait(90) == 0
    assert running_names(last) == []
    assert not list((tmp_path / "run").glob("*.json"))


def test_an_interrupted_start_leaves_no_process(tmp_path: Path) -> None:
    started = Started(tmp_path, PortConfig.free())
    wait_until(lambda: "kafka" in started.pids() or started.process.poll() is not None)
    begun = started.pids()
    started.process.send_signal(signal.SIGTERM)
    assert started.process.wait(60) == 0
    assert running_names(begun) == []
    assert not list((tmp_path / "run").glob("*.json"))


def test_a_start_on_a_taken_port_exits_with_2_and_a_message(mailbox: Mailbox, tmp_path: Path) -> None:
    home = tmp_path / "another"
    home.mkdir()
    started = Started(
        home, PortConfig(**{field.name: find_free_port() for field in fields(PortConfig)} | {"sla": mailbox.http})
    )
    assert started.process.wait(60) == 2
    assert re.search(
        r"Port \d+ .* needed for the sla service, is taken .* set SLA_PORT to a free port", started.terminal_output()
    )
    assert "Traceback" not in started.terminal_output()


def test_a_service_left_out_can_be_started_with_the_environment_in_its_file(tmp_path: Path) -> None:
    with Stack(tmp_path, ports=PortConfig.free(), without=["triage"]) as stack:
        assert "triage" not in stack.children
        script = f"set -a; . {stack.env_file('triage')}; exec {sys.executable} -m services.triage"
        service = Child("triage", tmp_path, ["sh", "-c", script])
        service.start()
        wait_until(lambda: service.returncode is not None or _responds(f"{stack.ports.url('triage')}/ready"))
        assert service.returncode is None, service.tail()
        assert service.stop()
