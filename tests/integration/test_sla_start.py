"""What a start of sla does to the rulebook on real PostgreSQL: the file, what people have published, golden dates."""

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
from services.sla.settings import Settings
from services.sla.store.rulebooks import RulebookRepository
from shared.errors import Misconfigured, Rejected
from shared.storage.postgres import connect, migrate, transaction

Data = dict[str, Any]
PLAIN = read_file(None)
WARNING = "the rulebook file was changed and is not in force"


def plain(*packs: str) -> Data:
    """The file of a start with these packs, as a person would draft it."""
    return json.loads(json.dumps(read_file(None, packs), default=str))


@dataclass
class House:
    """The database of sla, started on again and again."""

    pool: asyncpg.Pool

    async def starts(self, data: Data, *, file_wins: bool = False) -> RulebookRepository:
        shelf = RulebookRepository(data, lambda: date(2026, 11, 1), file_wins=file_wins)
        async with transaction(self.pool) as conn:
            await shelf.settle(conn)
        return shelf

    async def publishes(self, shelf: RulebookRepository, data: Data) -> int:
        async with transaction(self.pool) as conn:
            return await shelf.publish(conn, data, "new_only", "because", "head")

    @property
    async def actors(self) -> list[str]:
        return [row[0] for row in await self.pool.fetch("select actor from rulebook order by revision")]


@pytest.fixture
async def house(dsns: dict[str, str], keys: tuple[Any, Any]) -> AsyncIterator[House]:
    given: dict[str, Any] = {"postgres": dsns["sla"], "auth_public_key_file": keys[1], "kafka": "127.0.0.1:1"}
    chosen = Settings(**given)
    await migrate(dsns["sla"], build(chosen).schema)
    pool = await connect(chosen, "sla")
    yield House(pool)
    await pool.close()


def packs(shelf: RulebookRepository) -> set[str]:
    return {one.id for one in shelf.rulebook.current.packs}


async def test_a_file_is_published_where_it_says_something_else_than_the_last_start_read(house: House) -> None:
    for data in (PLAIN, PLAIN, read_file(None, ["uk-psr"]), read_file(None, ["uk-psr"])):
        shelf = await house.starts(data)
    assert (await house.actors, packs(shelf)) == (["rulebook file"] * 2, {"uk-psr"})


async def test_what_people_have_published_stays_and_a_changed_file_is_named(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    shelf = await house.starts(PLAIN)
    assert await house.publishes(shelf, plain("us-cfpb")) == 2
    with caplog.at_level(logging.WARNING):
        assert packs(await house.starts(PLAIN)) == {"us-cfpb"}
        assert packs(await house.starts(read_file(None, ["us-cfpb"]))) == {"us-cfpb"}
        assert not caplog.records, "the file is as it was, or says what counts"
        assert packs(await house.starts(read_file(None, ["uk-psr"]))) == {"us-cfpb"}
    [warned] = caplog.records
    assert warned.getMessage().startswith(WARNING)
    assert ("redress sla draft" in warned.getMessage(), "SLA_FILE_WINS" in warned.getMessage()) == (True, True)
    assert await house.actors == ["rulebook file", "head"]


async def test_the_file_wins_where_a_setting_says_so_and_only_once(house: House) -> None:
    await house.publishes(await house.starts(PLAIN), plain("us-cfpb"))
    for _ in range(2):
        assert packs(await house.starts(read_file(None, ["uk-psr"]), file_wins=True)) == {"uk-psr"}
    assert await house.actors == ["rulebook file", "head", "rulebook file"]


async def test_golden_dates_of_what_people_put_in_force_are_run_at_every_start(house: House) -> None:
    shelf = await house.starts(PLAIN)
    data = plain("uk-psr")
    await house.publishes(shelf, data)
    await house.starts(PLAIN)
    spoilt = deepcopy(data)
    spoilt["pack"][0]["golden"][0]["due"] = "2026-07-28T23:59:59+01:00"
    async with transaction(house.pool) as conn:  # as a change of ours to the arithmetic would make it
        await conn.execute("update rulebook set document = $1 where revision = 2", json.dumps(spoilt))
    with pytest.raises(Misconfigured, match="golden date of regulatory_final"):
        await house.starts(PLAIN)


async def test_a_legal_limit_without_a_golden_date_is_not_taken(house: House) -> None:
    shelf = await house.starts(PLAIN)
    data = plain("us-cfpb")
    pack = data["pack"][0]
    pack["golden"] = [one for one in pack["golden"] if one["clock"] != "regulatory_final"]
    sentence = re.escape("'us-cfpb' version ") + r"\d: regulatory_final has no golden date"
    with pytest.raises(Rejected, match=sentence):
        await house.publishes(shelf, data)
    with pytest.raises(Misconfigured, match=sentence):
        await house.starts(data)
    assert await house.actors == ["rulebook file"]
