"""What the commands ask of the sla service, one sentence an error."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlencode

import httpx

from deploy.cli import output
from deploy.cli.endpoints import find_endpoints, obtain_token
from deploy.cli.problems import read_body
from shared.errors import NotFound, Rejected, Unavailable

SLA = "sla"
DRAFTS = "/v1/rulebook/drafts"
LOOK_EVERY = 0.5  # seconds between two looks at a rehearsal
Json = dict[str, Any]


class SlaClient:
    """One conversation with the service. Every answer that is no success is raised as what it means."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def get(self, path: str, query: Mapping[str, str] | None = None) -> Any:
        """What stands there."""
        return await self._ask("GET", f"{path}?{urlencode(query)}" if query else path)

    async def post(self, path: str, body: Json | None = None, *, seen: int | None = None) -> Any:
        """Ask for something; `seen` is the version that it is about."""
        return await self._ask("POST", path, body, seen)

    async def put(self, path: str, body: Json, *, seen: int) -> Any:
        """Replace what has that version."""
        return await self._ask("PUT", path, body, seen)

    async def delete(self, path: str, *, seen: int) -> None:
        """Away with what has that version."""
        await self._ask("DELETE", path, None, seen)

    async def draft(self, given: str | None) -> Json:
        """The draft of that id, or the only one there is. Raises `NotFound` or `Rejected`."""
        if given:
            found: Json = await self.get(f"{DRAFTS}/{given}")
            return found
        listed: list[Json] = (await self.get(DRAFTS))["drafts"]
        if not listed:
            raise NotFound("There is no draft; `redress sla draft FILE.toml` makes one.")
        if len(listed) > 1:
            ids = ", ".join(one["draft_id"] for one in listed)
            raise Rejected(f"There are {len(listed)} drafts; say which: {ids}")
        return listed[0]

    async def rehearse(self, draft: Json, what: str, form: Json, title: str) -> Json:
        """Begin a dry run or a back-test and wait for its report, with a bar for whoever looks."""
        path = f"{DRAFTS}/{draft['draft_id']}"
        told: Json = await self.post(f"{path}:{what}", form, seen=draft["version"])
        with output.progress_bar(total_known=True) as bar:
            task = bar.add_task(title, total=told["of"])
            while told["status"] == "running":
                bar.update(task, total=told["of"], completed=told["done"])
                await asyncio.sleep(LOOK_EVERY)
                told = await self.get(f"{path}/{what}")
        if told["status"] != "done":
            raise Unavailable(
                f"{title} was {told['status']}: {told['reason'] or 'the service stopped; start it again'}."
            )
        return told

    async def _ask(self, verb: str, path: str, body: Json | None = None, seen: int | None = None) -> Any:
        headers = {"if-match": f'"{seen}"'} if seen is not None else {}
        try:
            response = await self._client.request(verb, path, json=body, headers=headers)
        except httpx.HTTPError as error:
            raise Unavailable(f"{SLA} does not answer ({type(error).__name__}).") from None
        return read_body(SLA, response)


@asynccontextmanager
async def open_doorway() -> AsyncIterator[SlaClient]:
    """To the service where it is, with the token there is."""
    async with find_endpoints().client(SLA, token=obtain_token(), seconds=60) as client:
        yield SlaClient(client)
