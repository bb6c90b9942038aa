"""`redress topics`: list, check and create the Kafka topics of the services."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import typer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from deploy.cli import output
from deploy.cli.endpoints import find_kafka
from deploy.cli.output import ExitCode
from deploy.local.topics import PARTITIONS, create_topics, find_mismatches, topic_settings
from shared.errors import Misconfigured, Unavailable
from shared.messaging import kafka
from shared.settings import ServiceSettings, load_settings

app = typer.Typer(no_args_is_help=True, help="Kafka topics: one per service, one for its dead letters.")
KafkaOption = Annotated[
    str | None, typer.Option("--kafka", help="HOST:PORT. Default: REDRESS_KAFKA, else the embedded one.")
]
PartitionsOption = Annotated[
    int, typer.Option(min=1, max=1000, help="Partitions of every topic; the number cannot be changed later.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@dataclass(frozen=True, slots=True)
class TopicState:
    """Topic as the broker describes it; zero partitions if it does not exist."""

    name: str
    partitions: int
    replication: int
    leaderless: int


@app.command("list")
def list_(at: KafkaOption = None, json: JsonOption = False) -> None:
    """List every topic of the services with its partitions."""
    topics = asyncio.run(describe_topics(require_kafka(at)))
    if json:
        output.print_json([{"name": t.name, "partitions": t.partitions, "replication": t.replication} for t in topics])
        return
    rows = ((t.name, t.partitions or "missing", t.replication or "", t.leaderless or "") for t in topics)
    output.print_table("Topics", ("name", "partitions", "replicas", "without leader"), rows)


@app.command()
def check(at: KafkaOption = None, partitions: PartitionsOption = PARTITIONS) -> None:
    """Report every problem of the topics. Exit 1 if there is one."""
    problems = find_problems(asyncio.run(describe_topics(require_kafka(at))), partitions)
    for sentence in problems:
        output.print_line(sentence)
    if problems:
        raise typer.Exit(ExitCode.PROBLEM)
    output.print_line(f"All topics exist, with {partitions} partitions each.")


@app.command()
def create(
    at: KafkaOption = None,
    partitions: PartitionsOption = PARTITIONS,
    replication: Annotated[int, typer.Option(min=1, help="Copies of every partition; use 3 in a cluster.")] = 1,
) -> None:
    """Create missing topics; existing topics stay as they are. Safe to repeat."""
    created = asyncio.run(create_topics(require_kafka(at), partitions, replication))
    output.print_line(f"Created {', '.join(created)}." if created else "Nothing to create.")


def require_kafka(option: str | None) -> str:
    """Return the given address, else the one that `find_kafka` returns. Raises `Misconfigured` without either."""
    address = option or find_kafka()
    if address is None:
        raise Misconfigured(
            "The address of Kafka is unknown. Give --kafka HOST:PORT, set REDRESS_KAFKA, or run `redress up`."
        )
    return address


async def describe_topics(bootstrap: str) -> list[TopicState]:
    """Describe all topics of the services in the Kafka at `at`. Raises `Unavailable`."""
    admin = kafka.admin(load_settings(ServiceSettings, kafka=bootstrap))
    names = list(topic_settings())
    try:
        await admin.start()
        return await _describe(admin, names)
    except (OSError, KafkaError) as error:
        raise Unavailable(f"Kafka at {bootstrap} does not answer ({type(error).__name__}).") from None
    finally:
        await admin.close()


async def _describe(admin: AIOKafkaAdminClient, names: list[str]) -> list[TopicState]:
    existing = set(await admin.list_topics())
    present = [name for name in names if name in existing]
    partitions = {item["topic"]: item["partitions"] for item in await admin.describe_topics(present)} if present else {}
    return [_topic_state(name, partitions.get(name, [])) for name in names]


def _topic_state(name: str, partitions: list[Mapping[str, Any]]) -> TopicState:
    replication = min((len(partition["replicas"]) for partition in partitions), default=0)
    return TopicState(name, len(partitions), replication, sum(partition["leader"] < 0 for partition in partitions))


def find_problems(topics: list[TopicState], partitions: int) -> list[str]:
    """Return a sentence for each problem of the topics."""
    missing = [t.name for t in topics if not t.partitions]
    sentences = [f"Missing: {', '.join(missing)}. `redress topics create` creates them."] if missing else []
    sentences += find_mismatches({t.name: t.partitions for t in topics if t.partitions}, partitions)
    sentences += [f"topic {t.name}: {t.leaderless} partitions have no leader." for t in topics if t.leaderless]
    return sentences
