"""The faults: each is injected under load, and healed. What must hold is checked afterwards, by others."""

import asyncio
import signal
import time
from collections.abc import Callable

import psycopg

from deploy.local.ports import find_free_port
from deploy.local.processes import Child
from tests.faults import picture, poison
from tests.faults.system_under_test import Scene
from tests.running_stack import until

Inject = Callable[[Scene], None]

TERMINATE = "select pg_terminate_backend(pid) from pg_stat_activity where application_name like %s"


# ── processes ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def killed(*names: str, times: int = 1) -> Inject:
    """kill -9 under load; the supervisor brings it back."""

    def inject(scene: Scene) -> None:
        for _ in range(times):
            for name in names:
                scene.kill(name)
                scene.glance()
                scene.healed()

    return inject


def terminated(*names: str) -> Inject:
    """SIGTERM under load: it finishes what is in flight within 25 s and ends with 0."""

    def inject(scene: Scene) -> None:
        for name in names:
            child = scene.stack.child(name)
            assert child.stop(signal.SIGTERM, seconds=30), f"{name} did not end within 30 s"
            assert child.returncode == 0, f"{name} ended with {child.returncode}"
            scene.glance()
            child.start()
            scene.healed()

    return inject


def frozen(name: str, seconds: float, *, replaced: bool = False) -> Inject:
    """SIGSTOP; with `replaced`, another member takes its partitions over before the zombie wakes up."""

    def inject(scene: Scene) -> None:
        child = scene.stack.child(name)
        other = scene.another(name, find_free_port()) if replaced else None
        try:
            if other is not None:
                joined(other)
            child.send_signal(signal.SIGSTOP)
            scene.hold(seconds, count=0 if name == "intake" else 1)
            scene.glance()
            child.send_signal(signal.SIGCONT)
            scene.hold(5)
            scene.glance()
        finally:
            child.send_signal(signal.SIGCONT)
            if other is not None:
                other.stop()
        scene.healed()

    return inject


def joined(member: Child) -> None:
    """Until it has partitions of its own."""
    until(
        lambda: "partitions assigned" in member.log.read_text("utf-8", "replace"),
        seconds=90,
        what=f"{member.name} to get partitions",
    )


def come_and_go(name: str, seconds: float) -> Inject:
    """A second member joins and leaves, again and again."""

    def inject(scene: Scene) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            other = scene.another(name, find_free_port())
            joined(other)
            scene.hold(1)
            scene.glance()
            assert other.stop(), f"the second {name} did not end by itself"
        scene.healed()

    return inject


def two_relays(name: str, times: int) -> Inject:
    """Two processes want to be the one relay; the active one loses its connection, again and again."""

    def inject(scene: Scene) -> None:
        other = scene.another(name, find_free_port())
        try:
            for _ in range(times):
                with psycopg.connect(scene.dsn, autocommit=True) as admin:
                    admin.execute(TERMINATE, [f"redress-{name}-relay"])
                scene.more(10)
        finally:
            other.stop()
        scene.healed()

    return inject


# ── servers ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def kafka_restarted(scene: Scene) -> None:
    assert scene.stack.kafka
    scene.stack.kafka.restart()
    scene.healed()
    scene.glance()


def kafka_down(seconds: float, *, count: int = 20) -> Inject:
    """SIGKILL, and back after so long; intake accepts all the while."""

    def inject(scene: Scene) -> None:
        assert scene.stack.kafka
        begin = time.time()
        scene.stack.kafka.kill()
        scene.hold(seconds, count)
        scene.without_kafka.append((begin, time.time()))
        scene.stack.kafka.start()
        scene.healed()
        scene.glance()

    return inject


def kafka_frozen(seconds: float) -> Inject:
    """SIGSTOP: connections stay open and nobody answers."""

    def inject(scene: Scene) -> None:
        assert scene.stack.kafka
        begin = time.time()
        scene.stack.kafka.pause()
        try:
            scene.hold(seconds)
        finally:
            scene.without_kafka.append((begin, time.time()))
            scene.stack.kafka.resume()
        scene.healed()
        scene.glance()

    return inject


def postgres_restarted(*modes: str) -> Inject:
    """Fast: sessions are ended. Immediate: as after a crash. Kill: a power cut that spares the page cache."""

    def inject(scene: Scene) -> None:
        assert scene.stack.postgres
        for mode in modes:
            if mode == "kill":
                scene.stack.postgres.kill()
                scene.stack.postgres.start()
            else:
                scene.stack.postgres.restart(mode)  # type: ignore[arg-type]
            scene.healed()
            scene.glance()
            scene.more(5)

    return inject


def postgres_frozen(seconds: float) -> Inject:
    """SIGSTOP to the postmaster and all backends."""

    def inject(scene: Scene) -> None:
        assert scene.stack.postgres and scene.stack.postgres.pid
        import psutil

        postmaster = psutil.Process(scene.stack.postgres.pid)
        family = [postmaster, *postmaster.children(recursive=True)]
        for process in family:
            process.suspend()
        try:
            scene.hold(seconds, 0)
        finally:
            for process in family:
                process.resume()
        scene.healed()

    return inject


def backends_killed(times: int) -> Inject:
    """Every connection of every service is cut."""

    def inject(scene: Scene) -> None:
        for _ in range(times):
            with psycopg.connect(scene.dsn, autocommit=True) as admin:
                admin.execute(TERMINATE, ["redress-%"])
            scene.more(10)
            scene.glance()
        scene.healed()

    return inject


def idle_writer(scene: Scene) -> None:
    """A transaction that has written and does nothing holds the relays' cursors until the server's limit of 10 s."""
    with psycopg.connect(scene.dsn) as conn:
        conn.execute("select pg_current_xact_id()")
        until(
            lambda: conn.pgconn.socket >= 0 and _is_gone(scene, conn.info.backend_pid),
            seconds=30,
            what="the server to end it",
        )
        conn.close()
    scene.more(10)


def _is_gone(scene: Scene, pid: int) -> bool:
    with psycopg.connect(scene.dsn) as admin:
        return admin.execute("select from pg_stat_activity where pid = %s", [pid]).fetchone() is None


# ── delivery ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def everything_twice(scene: Scene) -> None:
    """Every event on every topic is published once more, with a null and a wild header."""
    odd: poison.Headers = [("null", None), ("wild", b"\xff\xfe")]
    count = asyncio.run(poison.repeat(scene.stack.bootstrap, replace=scene.poison, headers=odd))
    scene.say(f"{count} events stand twice")
    scene.glance()


def heard_again(*names: str) -> Inject:
    """The group's offsets go back to the beginning while it is stopped."""

    def inject(scene: Scene) -> None:
        for name in names:
            child = scene.stack.child(name)
            child.stop()
            asyncio.run(poison.rewind(scene.stack.bootstrap, name))
            committed, _ = asyncio.run(picture.offsets(scene.stack.bootstrap))
            assert not any(committed[name].values()), "the group did not go back"
            child.start()
        scene.healed()

    return inject


def poisoned(rounds: int = 1) -> Inject:
    """Each kind of record that nobody can apply, among those that everybody must."""

    def inject(scene: Scene) -> None:
        for number in range(rounds):
            records = poison.poisons(number)
            scene.poison |= asyncio.run(poison.send(scene.stack.bootstrap, records))
            scene.more(10)
        scene.say(f"{len(scene.poison)} poisons sent so far")

    return inject


# ── receivers ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def mail(kind: str, seconds: float) -> Inject:
    """defer: 451 · hang: no answer, nothing kept · cut: kept, then the line is cut."""

    def inject(scene: Scene) -> None:
        mailbox = scene.ground.client("mailbox")
        mailbox.put("/api/faults", json={"kind": kind, "seconds": seconds}).raise_for_status()
        scene.hold(seconds)
        hit = mailbox.get("/api/faults").json()["hit"]
        mailbox.delete("/api/faults").raise_for_status()
        scene.say(f"{hit} mails were hit by {kind}")
        assert hit, "the fault met no mail"

    return inject


def mailbox_killed(scene: Scene) -> None:
    scene.kill("mailbox")
    scene.healed()
