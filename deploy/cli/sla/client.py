"""HTTP client of the sla service for the commands of `redress sla`."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import httpx

from deploy.cli import output
from deploy.cli.endpoints import find_endpoints, obtain_token
from deploy.cli.problems import read_body
from shared.errors import NotFound, Rejected, Unavailable

SLA = "sla"
DRAFTS = "/v1/rulebook/drafts"
POLL_INTERVAL = 0.5  # seconds between two requests for the progress of a dry run or back-test
Json = dict[str, Any]


class SlaClient:
    """Requests to the sla service. An error response is raised as the error of `shared.errors` that it stands for."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def get(self, path: str, query: Mapping[str, str] | None = None) -> Any:
        """Return the resource at that path."""
        return await self._request("GET", path, query=query)

    async def post(self, path: str, body: Json | None = None, *, version: int | None = None) -> Any:
        """Send a POST request; `version` is the version of the resource that it requires."""
        return await self._request("POST", path, body, version)

    async def put(self, path: str, body: Json, *, version: int) -> Any:
        """Replace that version of a resource."""
        return await self._request("PUT", path, body, version)

    async def delete(self, path: str, *, version: int) -> None:
        """Delete that version of a resource."""
        await self._request("DELETE", path, None, version)

    async def draft(self, draft_id: str | None) -> Json:
        """Return the draft of that id, or the only one that exists. Raises `NotFound` or `Rejected`."""
        if draft_id:
            draft: Json = await self.get(f"{DRAFTS}/{draft_id}")
            return draft
        drafts: list[Json] = (await self.get(DRAFTS))["drafts"]
        if not drafts:
            raise NotFound("There is no draft; `redress sla draft FILE.toml` creates one.")
        if len(drafts) > 1:
            ids = ", ".join(draft["draft_id"] for draft in drafts)
            raise Rejected(f"There are {len(drafts)} drafts; name one of them: {ids}")
        return drafts[0]

    async def rehearse(self, draft: Json, operation: str, form: Json, title: str) -> Json:
        """Start a dry run or a back-test, show its progress and return its report.

        Raises `Unavailable` if it ends without a report.
        """
        path = f"{DRAFTS}/{draft['draft_id']}"
        rehearsal: Json = await self.post(f"{path}:{operation}", form, version=draft["version"])
        with output.progress_bar(total_known=True) as bar:
            task = bar.add_task(title, total=rehearsal["of"])
            while rehearsal["status"] == "running":
                bar.update(task, total=rehearsal["of"], completed=rehearsal["done"])
                await asyncio.sleep(POLL_INTERVAL)
                rehearsal = await self.get(f"{path}/{operation}")
        if rehearsal["status"] != "done":
            reason = rehearsal["reason"] or "the service stopped; start it again"
            raise Unavailable(f"{title} was {rehearsal['status']}: {reason}.")
        return rehearsal

    async def _request(
        self,
        method: str,
        path: str,
        body: Json | None = None,
        version: int | None = None,
        query: Mapping[str, str] | None = None,
    ) -> Any:
        headers = {"if-match": f'"{version}"'} if version is not None else {}
        try:
            response = await self._client.request(method, path, json=body, headers=headers, params=query)
        except httpx.HTTPError as error:
            raise Unavailable(f"{SLA} does not answer ({type(error).__name__}).") from None
        return read_body(SLA, response)


def run_request(request: Callable[[SlaClient], Awaitable[Any]]) -> Any:
    """Run a request with a client of the sla service, found by the settings of the command line."""

    async def run() -> Any:
        async with find_endpoints().client(SLA, token=obtain_token(), seconds=60) as client:
            return await request(SlaClient(client))

    return asyncio.run(run())
