"""Client of intake for the integration tests."""

from typing import Any

import httpx

from services.intake.forms.complaint import EXAMPLE
from tests.integration.service_client import ServiceClient

POST = "/v1/complaints"


class IntakeClient(ServiceClient):
    """Client of intake that files and updates complaints and counts stored rows."""

    async def file(self, key: str | None = None, **changes: Any) -> httpx.Response:
        headers = {"idempotency-key": key} if key else {}
        return await self.http.post(POST, json=EXAMPLE | changes, headers=headers)

    async def update(self, complaint: str, kind: str, key: str | None = None, **body: Any) -> httpx.Response:
        headers = {"idempotency-key": key} if key else {}
        return await self.http.post(f"{POST}/{complaint}/{kind}", json=body, headers=headers)

    async def count(self, table: str) -> int:
        return int(await self.pool.fetchval(f"select count(*) from {table}"))  # noqa: S608 (names of the tests)

    async def counts(self) -> tuple[int, ...]:
        return tuple([await self.count(name) for name in ("complaint", "timeline", "outbox", "idempotency")])
