"""Local stack from which some services are left out."""

import stat
from pathlib import Path

from deploy.local.port_config import PortConfig
from deploy.local.stack import Stack


def test_the_environment_of_a_service_left_out_is_in_a_file_for_its_owner_only(tmp_path: Path) -> None:
    stack = Stack(tmp_path, ports=PortConfig.free(), without=["sla"])
    stack._write_env_file("sla", stack._environment("sla", "postgresql://redress_sla:a'b@127.0.0.1/redress?options=x"))
    file = stack.env_file("sla")
    lines = dict(line.split("=", 1) for line in file.read_text("utf-8").splitlines())
    assert lines["SLA_PORT"] == str(stack.ports.sla)
    assert lines["SLA_KAFKA"] == stack.bootstrap
    assert set(lines) == {"SLA_POSTGRES", "SLA_KAFKA", "SLA_PORT", "SLA_AUTH_PUBLIC_KEY_FILE"}
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_service_left_out_is_not_expected_to_be_ready(tmp_path: Path) -> None:
    stack = Stack(tmp_path, ports=PortConfig.free(), without=["sla", "notify"])
    assert set(stack.find_unready()) == {"intake", "triage", "mailbox"}
