"""What has to be there before the services start, as jobs of the compose file: `python -m deploy.jobs JOB`.

`keys` makes what must stay secret, `topics` the streams, `provision HOST:PORT` roles, schemas and tables. All may run
again. Keys and passwords stay in KEYS, which only jobs see; each container gets the folder with what it needs alone.
"""

import asyncio
import os
import secrets
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from aiokafka.admin import NewTopic
from pydantic import Field
from pydantic_settings import SettingsConfigDict

from deploy.local.provision import provision
from shared import kafka
from shared.auth import create_keys
from shared.contracts import SERVICES
from shared.errors import Misconfigured, RedressError, Unavailable
from shared.postgres import migrate
from shared.settings import ServiceSettings, load_settings

KEYS = Path(os.environ.get("REDRESS_KEYS_DIR", "/run/keys"))
HANDOUT = Path(os.environ.get("REDRESS_HANDOUT_DIR", "/run/handout"))
CREATED, THERE = 0, 36  # Kafka's error codes: none, and TOPIC_ALREADY_EXISTS
PRIVATE, PUBLIC = "private.pem", "public.pem"
SERVICES_FOLDER = Path(__file__).parents[1] / "services"


class JobSettings(ServiceSettings):
    """What the jobs need besides the settings that all services share."""

    model_config = SettingsConfigDict(env_prefix="JOBS_")

    partitions: int = Field(
        default=12,
        ge=1,
        description="Partitions of each topic, alike for all and fixed from day one; a cluster: 48.",
    )
    replicas: int = Field(default=1, ge=1, description="Copies of each partition; a cluster: 3, of which 2 in sync.")


def keys() -> str:
    """The key pair that tokens are signed with, and the passwords of PostgreSQL and Grafana; what exists stays."""
    if not (KEYS / PRIVATE).exists():
        create_keys(KEYS / PRIVATE, KEYS / PUBLIC)
    for owner in ("postgres", "grafana"):
        kept = KEYS / f"{owner}-password"
        if not kept.exists():
            _write(kept, secrets.token_urlsafe(24), mode=0o600)
        # read by another account there; its volume is that one container's own
        _write(HANDOUT / owner / "password", kept.read_text("ascii"), mode=0o444)
    return "keys and passwords are there"


def streams() -> str:
    """The topics of all services; one that exists is left alone, whatever its shape."""
    created = asyncio.run(_create_topics(load_settings(JobSettings)))
    return f"{created} topics created, {len(SERVICES) * 2 - created} were there"


def databases() -> str:
    """Roles, schemas and tables; each service's DSN and the public key go to its own folder."""
    if len(sys.argv) != 3:
        raise Misconfigured("provision: expected HOST:PORT of PostgreSQL as the only argument")
    password = (KEYS / "postgres-password").read_text("ascii")
    dsns = provision(f"postgresql://redress:{password}@{sys.argv[2]}/redress", KEYS / "postgres-services.json")
    applied = 0
    for service in SERVICES:
        dsn = dsns[service.name]
        applied += asyncio.run(migrate(dsn, SERVICES_FOLDER / service.name / "schema"))
        _write(HANDOUT / service.name / f"{service.name}_postgres", dsn, mode=0o400)
        shutil.copyfile(KEYS / PUBLIC, HANDOUT / service.name / PUBLIC)
    return f"four roles and schemas are there, {applied} migrations applied"


async def _create_topics(settings: JobSettings) -> int:
    config = {"min.insync.replicas": str(max(1, settings.replicas - 1)), "retention.ms": "-1"}
    topics = [
        NewTopic(name, settings.partitions, settings.replicas, topic_configs=config)
        for service in SERVICES
        for name in (service.topic, service.dead_topic)
    ]
    admin = kafka.admin(settings)
    await admin.start()
    try:
        answer = await admin.create_topics(topics)
    finally:
        await admin.close()
    codes = {name: code for name, code, *_ in answer.topic_errors}
    if failed := {name: code for name, code in codes.items() if code not in (CREATED, THERE)}:
        raise Unavailable(f"Kafka did not create {failed}")
    return sum(code == CREATED for code in codes.values())


def _write(path: Path, text: str, *, mode: int) -> None:
    """Replace at once, so that nobody ever reads half a secret."""
    part = path.with_name(path.name + ".part")
    part.unlink(missing_ok=True)
    part.touch(mode=0o600)
    part.write_text(text, "ascii")
    part.chmod(mode)
    part.replace(path)


JOBS: dict[str, Callable[[], str]] = {"keys": keys, "topics": streams, "provision": databases}


def main() -> int:
    """Run one job; a sentence either way."""
    job = JOBS.get(sys.argv[1] if len(sys.argv) > 1 else "")
    if job is None:
        sys.stderr.write(f"expected one of {', '.join(JOBS)}\n")
        return 2
    try:
        print(job())
    except RedressError as error:
        sys.stderr.write(f"{sys.argv[1]}: {error.detail}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
