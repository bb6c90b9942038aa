"""What has to be there before the services start, as jobs of the compose file: `python -m deploy.jobs JOB`.

`keys` makes what must stay secret, `topics` the streams, `provision HOST:PORT` roles, schemas and tables; all may run
again. `token NAME` prints a token for a system. Keys and passwords stay in KEYS, which only jobs see; each container
gets the folder with what it needs alone.
"""

import asyncio
import os
import secrets
import shutil
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from deploy.local.provision import provision
from deploy.local.topics import create_topics
from shared.auth import create_keys, create_token
from shared.contracts import SERVICES
from shared.errors import Misconfigured, RedressError
from shared.settings import ServiceSettings, load_settings
from shared.storage.postgres import migrate

KEYS = Path(os.environ.get("REDRESS_KEYS_DIR", "/run/keys"))
HANDOUT = Path(os.environ.get("REDRESS_HANDOUT_DIR", "/run/handout"))
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
    """The topics of all services; what exists stays, and must have the number of partitions that is asked for."""
    settings = load_settings(JobSettings)
    created = asyncio.run(create_topics(settings.kafka, settings.partitions, settings.replicas))
    return f"topics created: {', '.join(created) or 'none, all were there'}"


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


def token() -> str:
    """A token for a system that posts and reads complaints; good for 30 days."""
    if len(sys.argv) != 3:
        raise Misconfigured("token: expected the name of the system as the only argument")
    scopes = frozenset({"complaints:write", "complaints:read"})
    return create_token(KEYS / PRIVATE, client=sys.argv[2], scopes=scopes, lasts=timedelta(days=30), audience="redress")


def _write(path: Path, text: str, *, mode: int) -> None:
    """Replace at once, so that nobody ever reads half a secret."""
    part = path.with_name(path.name + ".part")
    part.unlink(missing_ok=True)
    part.touch(mode=0o600)
    part.write_text(text, "ascii")
    part.chmod(mode)
    part.replace(path)


JOBS: dict[str, Callable[[], str]] = {"keys": keys, "topics": streams, "provision": databases, "token": token}


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
