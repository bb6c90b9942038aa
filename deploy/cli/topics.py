"""`redress topics`: the topics that the services need, as they are and as they should be."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import typer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from deploy.cli import output
from deploy.cli.endpoints import kafka_known
from deploy.cli.output import Exit
from deploy.local.topics import PARTITIONS, create_topics, mismatched, topic_settings
from shared.errors import Misconfigured, Unavailable
from shared.messaging import kafka
from shared.settings import ServiceSettings, load_settings

app = typer.Typer(no_args_is_help=True, help="Kafka topics: one per service, one for its dead letters.")
Where = Annotated[str | None, typer.Option("--kafka", help="HOST:PORT. Default: REDRESS_KAFKA, else the embedded one.")]
Count = Annotated[int, typer.Option(min=1, max=1000, help="Partitions of every topic, fixed from day one.")]
Json = Annotated[bool, typer.Option("--json", help="For machines.")]


@dataclass(frozen=True, slots=True)
class Found:
    """A topic as the broker tells it; no partitions when it is not there."""

    name: str
    partitions: int
    replication: int
    leaderless: int


@app.command("list")
def list_(at: Where = None, json: Json = False) -> None:
    """Every topic of ours and what it has."""
    found = asyncio.run(look(bootstrap(at)))
    if json:
        output.as_json([{"name": t.name, "partitions": t.partitions, "replication": t.replication} for t in found])
        return
    rows = ((t.name, t.partitions or "missing", t.replication or "", t.leaderless or "") for t in found)
    output.table("Topics", ("name", "partitions", "replicas", "without leader"), rows)


@app.command()
def check(at: Where = None, partitions: Count = PARTITIONS) -> None:
    """Say what is wrong with them. Exit 1 when something is."""
    problems = wrong(asyncio.run(look(bootstrap(at))), partitions)
    for sentence in problems:
        output.say(sentence)
    if problems:
        raise typer.Exit(Exit.TO_DO)
    output.say(f"All topics are there, with {partitions} partitions each.")


@app.command()
def create(
    at: Where = None,
    partitions: Count = PARTITIONS,
    replication: Annotated[int, typer.Option(min=1, help="Copies of every partition; 3 in a cluster.")] = 1,
) -> None:
    """Create what is missing; what is there stays as it is. Safe to repeat."""
    created = asyncio.run(create_topics(bootstrap(at), partitions, replication))
    output.say(f"Created {', '.join(created)}." if created else "Nothing to create.")


def bootstrap(given: str | None) -> str:
    """As given, else as known. Raises `Misconfigured`."""
    at = given or kafka_known()
    if at is None:
        raise Misconfigured("Where is Kafka? Give --kafka HOST:PORT or set REDRESS_KAFKA, or start one: `redress up`.")
    return at


async def look(at: str) -> list[Found]:
    """All topics we need, as Kafka at `at` tells them. Raises `Unavailable`."""
    admin = kafka.admin(load_settings(ServiceSettings, kafka=at))
    names = list(topic_settings())
    try:
        await admin.start()
        return await _describe(admin, names)
    except (OSError, KafkaError) as error:
        raise Unavailable(f"Kafka at {at} does not answer ({type(error).__name__}).") from None
    finally:
        await admin.close()


async def _describe(admin: AIOKafkaAdminClient, names: list[str]) -> list[Found]:
    known = set(await admin.list_topics())
    there = [name for name in names if name in known]
    told = {item["topic"]: item["partitions"] for item in await admin.describe_topics(there)} if there else {}
    return [_found(name, told.get(name, [])) for name in names]


def _found(name: str, partitions: list[Mapping[str, Any]]) -> Found:
    replication = min((len(one["replicas"]) for one in partitions), default=0)
    return Found(name, len(partitions), replication, sum(one["leader"] < 0 for one in partitions))


def wrong(found: list[Found], partitions: int) -> list[str]:
    """A sentence for each thing that is not as it must be, with what to do."""
    missing = [t.name for t in found if not t.partitions]
    sentences = [f"Missing: {', '.join(missing)}. `redress topics create` makes them."] if missing else []
    sentences += mismatched({t.name: t.partitions for t in found if t.partitions}, partitions)
    sentences += [f"topic {t.name}: {t.leaderless} partitions have no leader." for t in found if t.leaderless]
    return sentences
