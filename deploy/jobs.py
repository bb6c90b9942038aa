"""Jobs that prepare the start of the services in the compose file: `python -m deploy.jobs JOB`.

`keys` creates keys and passwords, `topics` the topics, `provision HOST:PORT` roles, schemas and tables; all can be
repeated. `token NAME` prints a token for a client system. Keys and passwords are stored in KEYS_FOLDER, which only
jobs can read; each container gets a folder with only what it needs.
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

KEYS_FOLDER = Path(os.environ.get("REDRESS_KEYS_DIR", "/run/keys"))
HANDOUT_FOLDER = Path(os.environ.get("REDRESS_HANDOUT_DIR", "/run/handout"))
PRIVATE_KEY, PUBLIC_KEY = "private.pem", "public.pem"
SERVICES_FOLDER = Path(__file__).parents[1] / "services"


class JobSettings(ServiceSettings):
    """Settings of the jobs, in addition to those that all services share."""

    model_config = SettingsConfigDict(env_prefix="JOBS_")

    partitions: int = Field(
        default=12,
        ge=1,
        description="Partitions of each topic, the same for all; cannot be changed later. In a cluster: 48.",
    )
    replicas: int = Field(default=1, ge=1, description="Copies of each partition. In a cluster: 3, of which 2 in sync.")


def create_secrets() -> str:
    """Create missing keys and passwords: the token key pair, and the passwords of PostgreSQL and Grafana."""
    if not (KEYS_FOLDER / PRIVATE_KEY).exists():
        create_keys(KEYS_FOLDER / PRIVATE_KEY, KEYS_FOLDER / PUBLIC_KEY)
    for owner in ("postgres", "grafana"):
        password = KEYS_FOLDER / f"{owner}-password"
        if not password.exists():
            _write_secret(password, secrets.token_urlsafe(24), mode=0o600)
        # read by another user in that container; no other container mounts the volume
        _write_secret(HANDOUT_FOLDER / owner / "password", password.read_text("ascii"), mode=0o444)
    return "keys and passwords exist"


def create_all_topics() -> str:
    """Create the missing topics of all services. Existing topics must have the configured number of partitions."""
    settings = load_settings(JobSettings)
    created = asyncio.run(create_topics(settings.kafka, settings.partitions, settings.replicas))
    return f"topics created: {', '.join(created) or 'none, all existed'}"


def provision_databases() -> str:
    """Create roles, schemas and tables; write each service's DSN and the public key to its own folder."""
    if len(sys.argv) != 3:
        raise Misconfigured("provision: expected HOST:PORT of PostgreSQL as the only argument")
    password = (KEYS_FOLDER / "postgres-password").read_text("ascii")
    dsns = provision(f"postgresql://redress:{password}@{sys.argv[2]}/redress", KEYS_FOLDER / "postgres-services.json")
    applied = 0
    for service in SERVICES:
        dsn = dsns[service.name]
        applied += asyncio.run(migrate(dsn, SERVICES_FOLDER / service.name / "schema"))
        _write_secret(HANDOUT_FOLDER / service.name / f"{service.name}_postgres", dsn, mode=0o400)
        shutil.copyfile(KEYS_FOLDER / PUBLIC_KEY, HANDOUT_FOLDER / service.name / PUBLIC_KEY)
    return f"four roles and schemas exist, {applied} migrations applied"


def create_system_token() -> str:
    """Return a token for a system that files and reads complaints, valid for 30 days."""
    if len(sys.argv) != 3:
        raise Misconfigured("token: expected the name of the system as the only argument")
    scopes = frozenset({"complaints:write", "complaints:read"})
    return create_token(
        KEYS_FOLDER / PRIVATE_KEY, client=sys.argv[2], scopes=scopes, lasts=timedelta(days=30), audience="redress"
    )


def _write_secret(path: Path, text: str, *, mode: int) -> None:
    """Replace the file in one step, so that no reader gets an incomplete secret."""
    part = path.with_name(path.name + ".part")
    part.unlink(missing_ok=True)
    part.touch(mode=0o600)
    part.write_text(text, "ascii")
    part.chmod(mode)
    part.replace(path)


JOBS: dict[str, Callable[[], str]] = {
    "keys": create_secrets,
    "topics": create_all_topics,
    "provision": provision_databases,
    "token": create_system_token,
}


def main() -> int:
    """Run one job and print one sentence about its result. Return the exit code."""
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
