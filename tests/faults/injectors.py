"""Fault injectors: each injects a fault under load and waits for recovery; the invariants are checked afterwards."""

import asyncio
import signal
import time
from collections.abc import Callable

import psycopg

from deploy.local.ports import find_free_port
from deploy.local.processes import Child
from tests.faults import malformed_records, snapshot
from tests.faults.system_under_test import SystemUnderTest
from tests.running_stack import wait_until

Injector = Callable[[SystemUnderTest], None]

TERMINATE_BACKENDS = "select pg_terminate_backend(pid) from pg_stat_activity where application_name like %s"


# ── processes ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def kill(*names: str, times: int = 1) -> Injector:
    """Kill processes with SIGKILL; the supervisor restarts them."""

    def inject(system: SystemUnderTest) -> None:
        for _ in range(times):
            for name in names:
                system.kill(name)
                system.sample_progress()
                system.wait_for_recovery()

    return inject


def terminate(*names: str) -> Injector:
    """Stop services with SIGTERM: each must finish its work within 25 s and exit with 0."""

    def inject(system: SystemUnderTest) -> None:
        for name in names:
            child = system.stack.child(name)
            assert child.stop(signal.SIGTERM, seconds=30), f"{name} did not end within 30 s"
            assert child.returncode == 0, f"{name} ended with {child.returncode}"
            system.sample_progress()
            child.start()
            system.wait_for_recovery()

    return inject


def freeze(name: str, seconds: float, *, replaced: bool = False) -> Injector:
    """Stop a process with SIGSTOP; if `replaced`, another member takes over its partitions before SIGCONT."""

    def inject(system: SystemUnderTest) -> None:
        child = system.stack.child(name)
        other = system.start_second_process(name, find_free_port()) if replaced else None
        try:
            if other is not None:
                wait_for_partitions(other)
            child.send_signal(signal.SIGSTOP)
            system.keep_fault(seconds, count=0 if name == "intake" else 1)
            system.sample_progress()
            child.send_signal(signal.SIGCONT)
            system.keep_fault(5)
            system.sample_progress()
        finally:
            child.send_signal(signal.SIGCONT)
            if other is not None:
                other.stop()
        system.wait_for_recovery()

    return inject


def wait_for_partitions(member: Child) -> None:
    """Wait until the consumer group has assigned partitions to this member."""
    wait_until(
        lambda: "partitions assigned" in member.log.read_text("utf-8", "replace"),
        seconds=90,
        what=f"{member.name} to get partitions",
    )


def join_and_leave(name: str, seconds: float) -> Injector:
    """Let a second member join and leave the consumer group repeatedly."""

    def inject(system: SystemUnderTest) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            other = system.start_second_process(name, find_free_port())
            wait_for_partitions(other)
            system.keep_fault(1)
            system.sample_progress()
            assert other.stop(), f"the second {name} did not end by itself"
        system.wait_for_recovery()

    return inject


def cut_relay(name: str, times: int) -> Injector:
    """Run two processes with a relay and repeatedly cut the database connection of the active relay."""

    def inject(system: SystemUnderTest) -> None:
        other = system.start_second_process(name, find_free_port())
        try:
            for _ in range(times):
                with psycopg.connect(system.dsn, autocommit=True) as admin:
                    admin.execute(TERMINATE_BACKENDS, [f"redress-{name}-relay"])
                system.wait_for_accepted(10)
        finally:
            other.stop()
        system.wait_for_recovery()

    return inject


# ── servers ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def restart_kafka(system: SystemUnderTest) -> None:
    assert system.stack.kafka
    system.stack.kafka.restart()
    system.wait_for_recovery()
    system.sample_progress()


def stop_kafka(seconds: float, *, count: int = 20) -> Injector:
    """Kill Kafka and start it again after `seconds`; intake must accept complaints meanwhile."""

    def inject(system: SystemUnderTest) -> None:
        assert system.stack.kafka
        begin = time.time()
        system.stack.kafka.kill()
        system.keep_fault(seconds, count)
        system.without_kafka.append((begin, time.time()))
        system.stack.kafka.start()
        system.wait_for_recovery()
        system.sample_progress()

    return inject


def freeze_kafka(seconds: float) -> Injector:
    """Stop Kafka with SIGSTOP: connections stay open and requests get no response."""

    def inject(system: SystemUnderTest) -> None:
        assert system.stack.kafka
        begin = time.time()
        system.stack.kafka.pause()
        try:
            system.keep_fault(seconds)
        finally:
            system.without_kafka.append((begin, time.time()))
            system.stack.kafka.resume()
        system.wait_for_recovery()
        system.sample_progress()

    return inject


def restart_postgres(*modes: str) -> Injector:
    """Restart PostgreSQL. `fast` ends sessions, `immediate` recovers as after a crash, `kill` sends SIGKILL."""

    def inject(system: SystemUnderTest) -> None:
        assert system.stack.postgres
        for mode in modes:
            if mode == "kill":
                system.stack.postgres.kill()
                system.stack.postgres.start()
            else:
                system.stack.postgres.restart(mode)  # type: ignore[arg-type]
            system.wait_for_recovery()
            system.sample_progress()
            system.wait_for_accepted(5)

    return inject


def freeze_postgres(seconds: float) -> Injector:
    """Stop the postmaster and all backends with SIGSTOP."""

    def inject(system: SystemUnderTest) -> None:
        assert system.stack.postgres and system.stack.postgres.pid
        import psutil

        postmaster = psutil.Process(system.stack.postgres.pid)
        family = [postmaster, *postmaster.children(recursive=True)]
        for process in family:
            process.suspend()
        try:
            system.keep_fault(seconds, 0)
        finally:
            for process in family:
                process.resume()
        system.wait_for_recovery()

    return inject


def cut_database_connections(times: int) -> Injector:
    """Cut every database connection of every service."""

    def inject(system: SystemUnderTest) -> None:
        for _ in range(times):
            with psycopg.connect(system.dsn, autocommit=True) as admin:
                admin.execute(TERMINATE_BACKENDS, ["redress-%"])
            system.wait_for_accepted(10)
            system.sample_progress()
        system.wait_for_recovery()

    return inject


def hold_transaction_open(system: SystemUnderTest) -> None:
    """Hold a write transaction open: it blocks the relays' cursors until the server's idle limit of 10 s."""
    with psycopg.connect(system.dsn) as conn:
        conn.execute("select pg_current_xact_id()")
        wait_until(
            lambda: conn.pgconn.socket >= 0 and _has_ended(system, conn.info.backend_pid),
            seconds=30,
            what="the server to end the idle transaction",
        )
        conn.close()
    system.wait_for_accepted(10)


def _has_ended(system: SystemUnderTest, pid: int) -> bool:
    with psycopg.connect(system.dsn) as admin:
        return admin.execute("select from pg_stat_activity where pid = %s", [pid]).fetchone() is None


# ── delivery ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def duplicate_all_events(system: SystemUnderTest) -> None:
    """Publish every event of every topic a second time, with a null header and a header that is not UTF-8."""
    headers: malformed_records.Headers = [("null", None), ("binary", b"\xff\xfe")]
    count = asyncio.run(
        malformed_records.republish_all(system.stack.bootstrap, excluding=system.malformed, headers=headers)
    )
    system.log_progress(f"{count} events were published twice")
    system.sample_progress()


def rewind_offsets(*names: str) -> Injector:
    """Stop each service, set its group's offsets back to the beginning, and start it again."""

    def inject(system: SystemUnderTest) -> None:
        for name in names:
            child = system.stack.child(name)
            child.stop()
            asyncio.run(malformed_records.rewind_group(system.stack.bootstrap, name))
            committed, _ = asyncio.run(snapshot.read_offsets(system.stack.bootstrap))
            assert not any(committed[name].values()), "the offsets were not reset"
            child.start()
        system.wait_for_recovery()

    return inject


def publish_malformed_records(rounds: int = 1) -> Injector:
    """Publish each kind of malformed record between valid ones."""

    def inject(system: SystemUnderTest) -> None:
        for number in range(rounds):
            records = malformed_records.build_malformed_records(number)
            system.malformed |= asyncio.run(malformed_records.publish(system.stack.bootstrap, records))
            system.wait_for_accepted(10)
        system.log_progress(f"{len(system.malformed)} malformed records published so far")

    return inject


# ── receivers ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def fail_mail_server(kind: str, seconds: float) -> Injector:
    """Let the mail server fail. `defer`: reply 451; `hang`: no reply, mail not stored; `cut`: mail stored, no reply."""

    def inject(system: SystemUnderTest) -> None:
        mailbox = system.running_stack.client("mailbox")
        mailbox.put("/api/faults", json={"kind": kind, "seconds": seconds}).raise_for_status()
        system.keep_fault(seconds)
        hit = mailbox.get("/api/faults").json()["hit"]
        mailbox.delete("/api/faults").raise_for_status()
        system.log_progress(f"{hit} mails were affected by {kind}")
        assert hit, "no mail was sent during the fault"

    return inject


def kill_mail_server(system: SystemUnderTest) -> None:
    system.kill("mailbox")
    system.wait_for_recovery()
