"""Apache Kafka itself: one node in KRaft mode, broker and controller in one process, for this machine only."""

import asyncio
import base64
import concurrent.futures
import shutil
import signal
import subprocess
import uuid
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from aiokafka import AIOKafkaClient
from aiokafka.errors import KafkaError

from deploy.local.java import Java, find_java
from deploy.local.kafka_jars import cache_folder, kafka_jars
from deploy.local.ports import HOST, free_port, is_open, require_free
from deploy.local.processes import Child, reap, wait_until
from shared.errors import Misconfigured, Unavailable

NAME = "kafka"
START_SECONDS = 90.0
SETTINGS = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.listener.names": "CONTROLLER",
    "inter.broker.listener.name": "PLAINTEXT",
    "auto.create.topics.enable": "false",  # a topic by mistake would have the wrong partition count
    "num.partitions": "12",
    "default.replication.factor": "1",
    "min.insync.replicas": "1",
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "4",
    "offsets.retention.minutes": "525600",  # a demo left alone for a month must not start anew
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.num.partitions": "4",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "group.initial.rebalance.delay.ms": "0",
    "broker.session.timeout.ms": "5000",  # after a kill the controller waits this long for the one that died
    "broker.heartbeat.interval.ms": "1000",
    "log.retention.ms": "-1",
    "log.segment.bytes": str(128 * 1024 * 1024),
    "log.cleaner.dedupe.buffer.size": str(8 * 1024 * 1024),  # 128 MiB by default, a third of our heap
    "log.index.size.max.bytes": str(1024 * 1024),
    "num.network.threads": "2",
    "num.io.threads": "4",
    "background.threads": "2",
    "num.recovery.threads.per.data.dir": "2",
}
JVM = (
    "-Xms128m",
    "-Xmx384m",
    "-XX:+UseSerialGC",  # the smallest; two cores do not pay for a concurrent one
    "-XX:+ExitOnOutOfMemoryError",
    "-Djava.awt.headless=true",
    "-Xlog:disable",
    "-Xlog:all=error:stderr",
)
JVM_24 = ("--sun-misc-unsafe-memory-access=allow", "--enable-native-access=ALL-UNNAMED")  # else it warns of both
LOGGING = """Configuration:
  status: error
  Appenders:
    Console:
      name: out
      PatternLayout:
        pattern: "%d{ISO8601} %-5p %c{1} %m%n"
  Loggers:
    Root:
      level: warn
      AppenderRef:
        ref: out
"""


class EmbeddedKafka:
    """A node whose data lives in `home/kafka`; ports not given are free ones, kept while the object lives."""

    def __init__(self, home: Path, port: int | None = None, controller_port: int | None = None) -> None:
        self.home = home.absolute()
        self.port = port or free_port()
        self.controller_port = controller_port or free_port()
        self.folder = self.home / "kafka"
        self._child: Child | None = None
        self._archived: Path | None = None

    @property
    def bootstrap(self) -> str:
        """What clients connect to."""
        return f"{HOST}:{self.port}"

    @property
    def pid(self) -> int | None:
        """The node's process id while it runs."""
        return self._child.pid if self._child else None

    @property
    def child(self) -> Child | None:
        """The node as a process of the stack; None before the first start."""
        return self._child

    def start(self, tell: Callable[[str], None] = lambda _: None) -> Self:
        """Fetch the jars when they are missing, format the log folder once, start, and wait until it serves."""
        reap(self.home, NAME)
        require_free(self.port, what="Kafka", variable="REDRESS_KAFKA_PORT")
        require_free(self.controller_port, what="Kafka's controller", variable="REDRESS_KAFKA_CONTROLLER_PORT")
        java, jars = find_java(), kafka_jars(tell=tell)
        self._configure()
        if not (self.folder / "data" / "meta.properties").exists():
            self._format(java, jars)
        command = [*self._java(java, jars), *self._archive(java), "kafka.Kafka", str(self.folder / "server.properties")]
        self._child = Child(NAME, self.home, command)
        self._child.start()
        if not wait_until(self.serves, seconds=START_SECONDS, child=self._child):
            tail = self._child.tail()
            self._child.kill()
            raise Unavailable(f"Kafka did not start. The end of {self._child.log}:\n{tail}")
        return self

    def stop(self) -> None:
        """Let it hand over and close its logs; a kill comes after 20 s."""
        if self._child is not None:
            self._child.stop(signal.SIGTERM, seconds=20)
            self._keep_archive()

    def kill(self) -> None:
        """SIGKILL, as a fault."""
        if self._child is not None:
            self._child.kill()

    def pause(self) -> None:
        """Freeze it: connections stay open and nobody answers."""
        if self._child is not None:
            self._child.tell(signal.SIGSTOP)

    def resume(self) -> None:
        """End a pause."""
        if self._child is not None:
            self._child.tell(signal.SIGCONT)

    def restart(self) -> None:
        """Stop and start on the same ports."""
        self.stop()
        self.start()

    def serves(self) -> bool:
        """Whether it answers a metadata request, asked in a thread because callers may be inside an event loop."""
        if not is_open(self.port):
            return False
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            return pool.submit(lambda: asyncio.run(answers(self.bootstrap))).result()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _configure(self) -> None:
        listeners = f"PLAINTEXT://{self.bootstrap},CONTROLLER://{HOST}:{self.controller_port}"
        own = {
            "listeners": listeners,
            "advertised.listeners": f"PLAINTEXT://{self.bootstrap}",
            "controller.quorum.voters": f"1@{HOST}:{self.controller_port}",
            "log.dirs": str(self.folder / "data"),
        }
        self.folder.mkdir(parents=True, exist_ok=True)
        write_properties(self.folder / "server.properties", {**SETTINGS, **own})
        (self.folder / "log4j2.yaml").write_text(LOGGING, "utf-8")

    def _format(self, java: Java, jars: list[Path]) -> None:
        """Fill a side folder and rename it, so that a half-made log is never taken for a whole one."""
        new, side = self.folder / "new", self.folder / "format.properties"
        shutil.rmtree(new, ignore_errors=True)
        shutil.rmtree(self.folder / "data", ignore_errors=True)
        text = (self.folder / "server.properties").read_text("utf-8")
        side.write_text(text.replace(f"log.dirs={self.folder / 'data'}", f"log.dirs={new}"), "utf-8")
        tool = ["kafka.tools.StorageTool", "format", "--cluster-id", cluster_id(), "--config", str(side)]
        done = subprocess.run(
            [*self._java(java, jars), *tool], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise Misconfigured(f"Kafka could not create its data in {new}: {(done.stderr or done.stdout).strip()}")
        side.unlink()
        new.rename(self.folder / "data")

    def _java(self, java: Java, jars: list[Path]) -> list[str]:
        newer = JVM_24 if java.release >= 24 else ()
        logging = f"-Dlog4j2.configurationFile={self.folder / 'log4j2.yaml'}"
        return [str(java.path), *JVM, *newer, logging, "-cp", ":".join(map(str, jars))]

    def _archive(self, java: Java) -> list[str]:
        """Classes archived by the first graceful stop halve every later start (measured 5.5 s, then 2.8 s)."""
        self._archived = cache_folder() / f"classes-{java.version}.archive"
        if self._archived.exists():
            return [f"-XX:{'AOTCache' if java.release >= 25 else 'SharedArchiveFile'}={self._archived}"]
        self._fresh.unlink(missing_ok=True)
        return [f"-XX:{'AOTCacheOutput' if java.release >= 25 else 'ArchiveClassesAtExit'}={self._fresh}"]

    @property
    def _fresh(self) -> Path:
        return self.folder / "classes.archive"

    def _keep_archive(self) -> None:
        if self._archived is not None and self._fresh.exists():
            part = self._archived.with_suffix(f".{uuid.uuid4().hex}")
            shutil.move(self._fresh, part)
            part.rename(self._archived)


def write_properties(path: Path, settings: dict[str, str]) -> None:
    """Write Java properties; our values need no escaping but the backslash's."""
    lines = [f"{name}={value}".replace("\\", "\\\\") for name, value in settings.items()]
    path.write_text("\n".join(lines) + "\n", "utf-8")


def cluster_id() -> str:
    """A random id in Kafka's own form: a UUID in URL-safe base64 that does not look like an option."""
    while True:
        text = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        if not text.startswith("-"):
            return text


async def answers(bootstrap: str) -> bool:
    """Whether a broker there answers a metadata request."""
    client = AIOKafkaClient(bootstrap_servers=bootstrap, request_timeout_ms=2000)
    try:
        await client.bootstrap()
        return bool(client.cluster.brokers())
    except (KafkaError, OSError):
        return False
    finally:
        await client.close()
