"""Requests and complaints for the integration tests of sla."""

import asyncio
import tomllib
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from services.sla.policies.loader import STANDARD
from services.sla.settings import Settings
from shared.contracts.events import Assigned, ComplaintReceived, MessageAccepted, Resolved, Triaged
from tests.factories import complaint_id
from tests.integration.service_client import NO_KAFKA, Keys, ServiceClient

SCOPES = ("complaints:read", "promises:write", "promises:approve")
STANDARD_DATA = tomllib.loads(STANDARD.read_text("utf-8"))


class SlaClient(ServiceClient):
    """Client of sla, with complaints to create and rulebooks to publish."""

    async def triaged(self, *, ago: timedelta = timedelta(), severity: str = "normal", is_told: bool = True) -> str:
        """Create a complaint that was received and triaged `ago`; `is_told`: and whose customer was told the date."""
        subject, at = complaint_id(), datetime.now(UTC) - ago
        facts = [
            (triaged(severity, ("billing",)), at),
            (received(at), at),
            *([(accepted(1, at), at)] if is_told else []),
        ]
        await self.receive(subject, *facts)
        return str(subject)

    async def opened(self, *, ago: timedelta = timedelta(), severity: str = "normal", team: str = "billing") -> str:
        """Create a complaint that was received `ago`, triaged, assigned, and whose customer was told the date."""
        subject, at = complaint_id(), datetime.now(UTC) - ago
        await self.receive(
            subject, (received(at), at), (triaged(severity), at), (Assigned(team=team), at), (accepted(1, at), at)
        )
        return str(subject)

    async def clocks(self, subject: str) -> tuple[dict[str, Any], str]:
        """Return the answer for a complaint and its ETag."""
        answer = await self.http.get(f"/v1/complaints/{subject}/clocks")
        return answer.json(), answer.headers["etag"]

    async def draft(self, document: dict[str, Any]) -> str:
        answer = await self.http.post("/v1/rulebook/drafts", json=document)
        assert answer.status_code == 201, answer.text
        assert answer.headers["etag"] == '"1"'
        return answer.json()["draft_id"]

    async def request(self, draft: str, action: str, form: dict[str, Any], version: str = '"1"') -> httpx.Response:
        return await self.http.post(f"/v1/rulebook/drafts/{draft}:{action}", json=form, headers={"if-match": version})

    async def rehearse(self, draft: str, action: str, form: dict[str, Any]) -> dict[str, Any]:
        """Start a dry run or back-test and return its result."""
        answer = await self.request(draft, action, form)
        assert answer.status_code in (200, 202), answer.text
        async with asyncio.timeout(30):
            while answer.json()["status"] == "running":
                answer = await self.http.get(answer.headers["location"])
        assert answer.json()["status"] == "done", answer.text
        return answer.json()

    async def publish(self, document: dict[str, Any], mode: str) -> int:
        """Draft, rehearse and publish a document; return the number of the revision."""
        draft = await self.draft(document)
        await self.rehearse(draft, "dry-run", {"mode": mode})
        answer = await self.request(draft, "publish", {"mode": mode, "reason": "a storm warning"})
        assert answer.status_code == 200, answer.text
        return answer.json()["revision"]

    async def revisions(self) -> dict[str, int]:
        """Return the revision that each stored complaint is under."""
        rows = await self.runtime.pool.fetch("select complaint_id, revision from complaint order by complaint_id")
        return {str(row[0]): row[1] for row in rows}


def sla_settings(dsn: str, keys: Keys, **changes: Any) -> Settings:
    """Return settings for this database, without Kafka unless it is among the changes."""
    return Settings(**({"postgres": dsn, "auth_public_key_file": keys[1], "kafka": NO_KAFKA} | changes))


def received(at: datetime) -> ComplaintReceived:
    return ComplaintReceived(reference="R-1", client="shop", channel="web", received_at=at)


def triaged(severity: str = "normal", category: tuple[str, ...] = ("billing", "refund")) -> Triaged:
    return Triaged(
        category=category, severity=severity, language="en", confidence=1, decided_by="r", decider_version="1"
    )


def accepted(promise: int | None, at: datetime, kind: str = "acknowledgement") -> MessageAccepted:
    """Return the acceptance of a message that states this promise."""
    return MessageAccepted(
        message=f"m-{kind}-{promise}",
        message_kind=kind,
        channel="email",
        cause="c",
        accepted_at=at,
        locale="en",
        template="t",
        states_promise=promise,
    )


def answered(at: datetime) -> tuple[tuple[Any, datetime], ...]:
    """Return the facts of a complaint that was resolved and whose customer was told."""
    return (Resolved(outcome="upheld", resolved_at=at), at), (accepted(None, at, "resolution"), at)


def ahead(**span: float) -> str:
    """Return a time about so far from now, within working hours of a weekday."""
    at = (datetime.now(UTC) + timedelta(**span)).replace(hour=12, minute=0, second=0, microsecond=0)
    while at.weekday() > 4:
        at += timedelta(days=1)
    return at.isoformat()


def storm_rulebook() -> dict[str, Any]:
    """Return the standard rulebook with the next five days as holidays of the office."""
    data = deepcopy(STANDARD_DATA)
    today = datetime.now(UTC).date()
    days = [{"on": str(today + timedelta(days=n)), "name": "storm"} for n in range(1, 6)]
    office = next(calendar for calendar in data["calendar"] if calendar["id"] == "office")
    data["calendar"].append({**office, "version": 2, "holidays": [*office["holidays"], *days]})
    return data
