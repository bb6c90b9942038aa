"""Drafts of rulebooks over HTTP: documents that are refused, and the scopes that requests need."""

import json
from typing import Any
from uuid import UUID

import pytest

from tests.integration.sla_client import STANDARD_DATA, SlaClient


def invalid_documents() -> dict[str, tuple[dict[str, Any], str]]:
    """Return invalid documents with a part of the message about them."""
    office = STANDARD_DATA["calendar"][0]
    policy = STANDARD_DATA["policy"][-1]
    never = {**office, "id": "never", "weekly_hours": {}}
    week = office["weekly_hours"]
    overlaps = {**office, "version": 2, "weekly_hours": {**week, "mon": [["09:00", "12:00"], ["11:00", "17:00"]]}}
    backwards = {**office, "version": 2, "weekly_hours": {**week, "mon": [["17:00", "09:00"]]}}
    nowhere = {**office, "version": 2, "tz": "Europe/Atlantis"}
    conditional = {**policy, "id": "after-the-last", "when": {"severity": ["low"]}}
    narrower = {**policy, "id": "narrower", "when": {"severity": ["low"], "channel": ["phone"]}}
    unknown = {**policy, "id": "odd", "when": {"mood": ["bad"]}}
    other = {**office, "tz": "Europe/Oslo"}
    days = {**policy, "version": 2, "clocks": [{"kind": "requester_wait", "goal": {"days": 3}}]}

    def calendars(*more: dict[str, Any]) -> dict[str, Any]:
        return {**STANDARD_DATA, "calendar": [*STANDARD_DATA["calendar"], *more]}

    def policies(*listed: dict[str, Any]) -> dict[str, Any]:
        return {**STANDARD_DATA, "policy": list(listed)}

    return {
        "never open": (calendars(never), "never"),
        "overlapping": (calendars(overlaps), "overlap"),
        "backwards": (calendars(backwards), "17:00"),
        "no such zone": (calendars(nowhere), "Europe/Atlantis"),
        "after a policy without condition": (
            policies(policy, conditional, {**policy, "id": "x"}),
            "expected it to be the last",
        ),
        "after a broader policy": (policies(conditional, narrower, policy), "'narrower' can never match"),
        "unknown field": (policies(unknown, policy), "category"),
        "no policy for the rest": (policies(conditional), "expected no 'when'"),
        "same version, other contents": ({**STANDARD_DATA, "calendar": [other, *STANDARD_DATA["calendar"][1:]]}, "2"),
        "days of which kind": (policies(policy, days), "business_days or calendar_days"),
        "another section": ({**STANDARD_DATA, "holiday": []}, "[[calendar]]"),
        "no list": ({"calendar": {}}, "calendar: expected a list"),
    }


@pytest.mark.parametrize("name", invalid_documents())
async def test_an_invalid_document_is_refused_with_the_expected_value(sla: SlaClient, name: str) -> None:
    document, sentence = invalid_documents()[name]
    answer = await sla.http.post("/v1/rulebook/drafts", json=document)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert sentence in answer.json()["detail"]
    assert (await sla.http.get("/v1/rulebook/drafts")).json() == {"drafts": []}
    assert (await sla.http.get("/v1/rulebook")).json()["revision"] == 1


async def test_a_body_of_wrong_type_size_or_depth_is_a_problem_document(sla: SlaClient) -> None:
    def post(content: bytes, kind: str = "application/json") -> Any:
        return sla.http.post("/v1/rulebook/drafts", content=content, headers={"content-type": kind})

    assert (await post(b"[[calendar]]", "application/toml")).status_code == 415
    assert (await post(b" " * 1_000_001)).status_code == 413
    for content in (
        b"",
        b"[",
        b"[]",
        b"[" * 100_000,
        b'{"calendar": [{"id": "\\u0000"}]}',
        b'{"pack": [{"id": "\\ud800"}]}',
        b"\xff",
    ):
        assert (await post(content)).status_code == 422
    many = json.dumps({"calendar": [{}] * 501}).encode()
    assert "at most 500" in (await post(many)).json()["detail"]


async def test_reading_and_writing_need_their_scopes(sla: SlaClient) -> None:
    draft = UUID(int=1)
    reader = sla.headers("complaints:read")
    assert (await sla.http.get("/v1/rulebook", headers=reader)).status_code == 200
    assert (await sla.http.get("/v1/rulebook", headers=sla.headers("sla:write"))).status_code == 403
    for verb, path in (
        ("POST", "/v1/rulebook/drafts"),
        ("POST", "/v1/rulebook/drafts:copy?revision=1"),
        ("PUT", f"/v1/rulebook/drafts/{draft}"),
        ("DELETE", f"/v1/rulebook/drafts/{draft}"),
        ("POST", f"/v1/rulebook/drafts/{draft}:dry-run"),
        ("POST", f"/v1/rulebook/drafts/{draft}:back-test"),
        ("POST", f"/v1/rulebook/drafts/{draft}:publish"),
    ):
        assert (await sla.http.request(verb, path, headers=reader)).status_code == 403, path
    assert (await sla.http.get(f"/v1/rulebook/drafts/{draft}")).status_code == 404
    assert (await sla.http.get("/v1/rulebook/revisions/99")).status_code == 404
