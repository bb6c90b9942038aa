"""Rulebook file at the start of sla on real PostgreSQL: publication, revisions published since, golden dates."""

import json
import logging
import re
from collections.abc import AsyncIterator
from copy import deepcopy
from dataclasses import dataclass
from datetime import date
from typing import Any

import asyncpg
import pytest

from services.sla.app import build
from services.sla.policies import read_file
from services.sla.store.rulebooks import RulebookRepository
from shared.errors import Misconfigured, Rejected
from shared.storage.postgres import connect, migrate, transaction
from tests.integration.sla_client import sla_settings

Data = dict[str, Any]
PLAIN = read_file(None)
WARNING = "the rulebook file was changed and is not in force"


def draft_document(*packs: str) -> Data:
    """Return the standard rulebook with these packs as the document of a draft."""
    return json.loads(json.dumps(read_file(None, packs), default=str))


@dataclass
class Starts:
    """Starts of sla that share a database."""

    pool: asyncpg.Pool

    async def start(self, data: Data, *, file_wins: bool = False) -> RulebookRepository:
        repository = RulebookRepository(data, lambda: date(2026, 11, 1), file_wins=file_wins)
        async with transaction(self.pool) as conn:
            await repository.publish_file(conn)
        return repository

    async def publish(self, repository: RulebookRepository, data: Data) -> int:
        async with transaction(self.pool) as conn:
            return await repository.publish(conn, data, "new_only", "because", "head")

    @property
    async def actors(self) -> list[str]:
        return [row[0] for row in await self.pool.fetch("select actor from rulebook order by revision")]


@pytest.fixture
async def starts(dsns: dict[str, str], keys: tuple[Any, Any]) -> AsyncIterator[Starts]:
    settings = sla_settings(dsns["sla"], keys)
    await migrate(dsns["sla"], build(settings).schema)
    pool = await connect(settings, "sla")
    yield Starts(pool)
    await pool.close()


def packs(repository: RulebookRepository) -> set[str]:
    return {pack.id for pack in repository.rulebook.current.packs}


async def test_a_file_that_changed_since_the_last_start_is_published(starts: Starts) -> None:
    for data in (PLAIN, PLAIN, read_file(None, ["uk-psr"]), read_file(None, ["uk-psr"])):
        repository = await starts.start(data)
    assert (await starts.actors, packs(repository)) == (["rulebook file"] * 2, {"uk-psr"})


async def test_a_published_draft_stays_in_force_and_a_changed_file_is_logged(
    starts: Starts, caplog: pytest.LogCaptureFixture
) -> None:
    repository = await starts.start(PLAIN)
    assert await starts.publish(repository, draft_document("us-cfpb")) == 2
    with caplog.at_level(logging.WARNING):
        assert packs(await starts.start(PLAIN)) == {"us-cfpb"}
        assert packs(await starts.start(read_file(None, ["us-cfpb"]))) == {"us-cfpb"}
        assert not caplog.records, "the file is unchanged, or equals the revision in force"
        assert packs(await starts.start(read_file(None, ["uk-psr"]))) == {"us-cfpb"}
    [warned] = caplog.records
    assert warned.getMessage().startswith(WARNING)
    assert ("redress sla draft" in warned.getMessage(), "SLA_FILE_WINS" in warned.getMessage()) == (True, True)
    assert await starts.actors == ["rulebook file", "head"]


async def test_with_file_wins_a_changed_file_is_published_once(starts: Starts) -> None:
    await starts.publish(await starts.start(PLAIN), draft_document("us-cfpb"))
    for _ in range(2):
        assert packs(await starts.start(read_file(None, ["uk-psr"]), file_wins=True)) == {"uk-psr"}
    assert await starts.actors == ["rulebook file", "head", "rulebook file"]


async def test_golden_dates_of_the_revision_in_force_are_checked_at_every_start(starts: Starts) -> None:
    repository = await starts.start(PLAIN)
    data = draft_document("uk-psr")
    await starts.publish(repository, data)
    await starts.start(PLAIN)
    changed = deepcopy(data)
    changed["pack"][0]["golden"][0]["due"] = "2026-07-28T23:59:59+01:00"
    async with transaction(starts.pool) as conn:  # as a change of the arithmetic would
        await conn.execute("update rulebook set document = $1 where revision = 2", json.dumps(changed))
    with pytest.raises(Misconfigured, match="golden date of regulatory_final"):
        await starts.start(PLAIN)


async def test_a_legal_limit_without_a_golden_date_is_refused(starts: Starts) -> None:
    repository = await starts.start(PLAIN)
    data = draft_document("us-cfpb")
    pack = data["pack"][0]
    pack["golden"] = [golden for golden in pack["golden"] if golden["clock"] != "regulatory_final"]
    sentence = re.escape("'us-cfpb' version ") + r"\d: regulatory_final has no golden date"
    with pytest.raises(Rejected, match=sentence):
        await starts.publish(repository, data)
    with pytest.raises(Misconfigured, match=sentence):
        await starts.start(data)
    assert await starts.actors == ["rulebook file"]
