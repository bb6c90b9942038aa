"""Embedded Apache Kafka: one node in KRaft mode, broker and controller in one process, for this machine only."""

import asyncio
import base64
import concurrent.futures
import shutil
import signal
import subprocess
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Self

from aiokafka import AIOKafkaClient
from aiokafka.errors import KafkaError

from deploy.local.java import Java, find_java
from deploy.local.kafka_jars import cache_folder, ensure_kafka_jars
from deploy.local.ports import HOST, find_free_port, is_open, require_free
from deploy.local.processes import Child, reap, wait_until
from deploy.local.server import EmbeddedServer
from shared.errors import Misconfigured, Unavailable

NAME = "kafka"
START_SECONDS = 90.0
SETTINGS = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.listener.names": "CONTROLLER",
    "inter.broker.listener.name": "PLAINTEXT",
    "auto.create.topics.enable": "false",  # else a misspelled name creates a topic with the wrong number of partitions
    "num.partitions": "12",
    "default.replication.factor": "1",
    "min.insync.replicas": "1",
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "4",
    "offsets.retention.minutes": "525600",  # a demo stopped for a month must not read everything again
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.num.partitions": "4",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "group.initial.rebalance.delay.ms": "0",
    "broker.session.timeout.ms": "5000",  # after a kill the controller waits this long for the dead broker
    "broker.heartbeat.interval.ms": "1000",
    "log.retention.ms": "-1",
    "log.segment.bytes": str(128 * 1024 * 1024),
    "log.cleaner.dedupe.buffer.size": str(8 * 1024 * 1024),  # 128 MiB by default, a third of the heap
    "log.index.size.max.bytes": str(1024 * 1024),
    "num.network.threads": "2",
    "num.io.threads": "4",
    "background.threads": "2",
    "num.recovery.threads.per.data.dir": "2",
}
JVM = (
    "-Xms128m",
    "-Xmx384m",
    "-XX:+UseSerialGC",  # smallest memory use; a concurrent collector does not pay off on two cores
    "-XX:+ExitOnOutOfMemoryError",
    "-Djava.awt.headless=true",
    "-Xlog:disable",
    "-Xlog:all=error:stderr",
)
JVM_24 = (
    "--sun-misc-unsafe-memory-access=allow",
    "--enable-native-access=ALL-UNNAMED",
)  # else Java 24 prints warnings about both
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


class EmbeddedKafka(EmbeddedServer):
    """Kafka node with its data in `home/kafka`. Ports that are not given are free ones, the same for every start."""

    def __init__(self, home: Path, port: int | None = None, controller_port: int | None = None) -> None:
        super().__init__(home)
        self.port = port or find_free_port()
        self.controller_port = controller_port or find_free_port()
        self.folder = self.home / "kafka"
        self._archive_file: Path | None = None

    @property
    def bootstrap(self) -> str:
        """Address for clients, HOST:PORT."""
        return f"{HOST}:{self.port}"

    def start(self, report: Callable[[str], None] = lambda _: None) -> Self:
        """Fetch missing jars, format the data folder once, start, and wait until the broker answers."""
        reap(self.home, NAME)
        require_free(self.port, what="Kafka", variable="REDRESS_KAFKA_PORT")
        require_free(self.controller_port, what="Kafka's controller", variable="REDRESS_KAFKA_CONTROLLER_PORT")
        java, jars = find_java(), ensure_kafka_jars(report=report)
        self._configure()
        if not (self.folder / "data" / "meta.properties").exists():
            self._format(java, jars)
        command = [
            *self._java_command(java, jars),
            *self._archive_options(java),
            "kafka.Kafka",
            str(self.folder / "server.properties"),
        ]
        self.child = Child(NAME, self.home, command)
        self.child.start()
        if not wait_until(self.is_serving, seconds=START_SECONDS, child=self.child):
            tail = self.child.tail()
            self.child.kill()
            raise Unavailable(f"Kafka did not start. The end of {self.child.log}:\n{tail}")
        return self

    def stop(self) -> None:
        """Stop in an orderly way (SIGTERM); SIGKILL after 20 s."""
        if self.child is not None:
            self.child.stop(signal.SIGTERM, seconds=20)
            self._keep_archive()

    def pause(self) -> None:
        """Freeze the process: connections stay open and nothing is answered."""
        if self.child is not None:
            self.child.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Continue after `pause`."""
        if self.child is not None:
            self.child.send_signal(signal.SIGCONT)

    def is_serving(self) -> bool:
        """Return True if the broker answers a metadata request.

        The request runs in a thread, because the caller may be in an event loop.
        """
        if not is_open(self.port):
            return False
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            return pool.submit(lambda: asyncio.run(is_broker_up(self.bootstrap))).result()

    def _configure(self) -> None:
        listeners = f"PLAINTEXT://{self.bootstrap},CONTROLLER://{HOST}:{self.controller_port}"
        node_settings = {
            "listeners": listeners,
            "advertised.listeners": f"PLAINTEXT://{self.bootstrap}",
            "controller.quorum.voters": f"1@{HOST}:{self.controller_port}",
            "log.dirs": str(self.folder / "data"),
        }
        self.folder.mkdir(parents=True, exist_ok=True)
        write_properties(self.folder / "server.properties", {**SETTINGS, **node_settings})
        (self.folder / "log4j2.yaml").write_text(LOGGING, "utf-8")

    def _format(self, java: Java, jars: list[Path]) -> None:
        """Format a temporary folder and rename it, so that an interrupted format leaves no incomplete data folder."""
        new, properties = self.folder / "new", self.folder / "format.properties"
        shutil.rmtree(new, ignore_errors=True)
        shutil.rmtree(self.folder / "data", ignore_errors=True)
        text = (self.folder / "server.properties").read_text("utf-8")
        properties.write_text(text.replace(f"log.dirs={self.folder / 'data'}", f"log.dirs={new}"), "utf-8")
        arguments = ["kafka.tools.StorageTool", "format", "--cluster-id", cluster_id(), "--config", str(properties)]
        process = subprocess.run(
            [*self._java_command(java, jars), *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if process.returncode != 0:
            raise Misconfigured(
                f"Kafka could not create its data in {new}: {(process.stderr or process.stdout).strip()}"
            )
        properties.unlink()
        new.rename(self.folder / "data")

    def _java_command(self, java: Java, jars: list[Path]) -> list[str]:
        options = JVM_24 if java.release >= 24 else ()
        logging = f"-Dlog4j2.configurationFile={self.folder / 'log4j2.yaml'}"
        return [str(java.path), *JVM, *options, logging, "-cp", ":".join(map(str, jars))]

    def _archive_options(self, java: Java) -> list[str]:
        """Options for a class archive, written at the first orderly stop; it halves the time of later starts."""
        self._archive_file = cache_folder() / f"classes-{java.version}.archive"
        if self._archive_file.exists():
            return [f"-XX:{'AOTCache' if java.release >= 25 else 'SharedArchiveFile'}={self._archive_file}"]
        self._new_archive.unlink(missing_ok=True)
        return [f"-XX:{'AOTCacheOutput' if java.release >= 25 else 'ArchiveClassesAtExit'}={self._new_archive}"]

    @property
    def _new_archive(self) -> Path:
        return self.folder / "classes.archive"

    def _keep_archive(self) -> None:
        if self._archive_file is not None and self._new_archive.exists():
            temporary = self._archive_file.with_suffix(f".{uuid.uuid4().hex}")
            shutil.move(self._new_archive, temporary)
            temporary.rename(self._archive_file)


def write_properties(path: Path, settings: dict[str, str]) -> None:
    """Write Java properties; only backslashes need escaping in these values."""
    lines = [f"{name}={value}".replace("\\", "\\\\") for name, value in settings.items()]
    path.write_text("\n".join(lines) + "\n", "utf-8")


def cluster_id() -> str:
    """Return a random id in Kafka's form: a UUID in URL-safe base64 that does not start with a dash."""
    while True:
        text = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        if not text.startswith("-"):
            return text


async def is_broker_up(bootstrap: str) -> bool:
    """Return True if a broker at this address answers a metadata request."""
    client = AIOKafkaClient(bootstrap_servers=bootstrap, request_timeout_ms=2000)
    try:
        await client.bootstrap()
        return bool(client.cluster.brokers())
    except (KafkaError, OSError):
        return False
    finally:
        await client.close()
