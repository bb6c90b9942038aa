"""Coverage check on real PostgreSQL: diff and dry run report a policy or pack that matches no complaint."""

import json
from copy import deepcopy
from typing import Any

from services.sla.policies import read_file
from services.sla.policies.loader import canonical_json
from services.sla.rulebook import coverage
from tests.integration.sla_client import STANDARD_DATA, SlaClient


def with_policy(name: str, when: dict[str, Any], place: int = 0) -> dict[str, Any]:
    data = deepcopy(STANDARD_DATA)
    data["policy"].insert(place, {**data["policy"][-1], "id": name, "when": when})
    return data


async def warnings(sla: SlaClient, document: dict[str, Any]) -> tuple[list[str], list[str]]:
    """Return the sentences of the diff and those of the dry run."""
    draft = await sla.draft(document)
    diff = (await sla.http.get(f"/v1/rulebook/drafts/{draft}/diff")).json()["sentences"]
    return diff, (await sla.rehearse(draft, "dry-run", {"mode": "new_only"}))["sentences"]


async def test_a_policy_that_matches_no_complaint_is_reported(sla: SlaClient) -> None:
    for _ in range(3):
        await sla.triaged()
    sentence = (
        "Policy 'odd' would apply to none of the 3 complaints looked at, open or received in the last 30 days: it asks for "
        "category no_such_category."
    )
    diff, dry_run = await warnings(sla, with_policy("odd", {"category": ["no_such_category"]}))
    assert diff == ["Policy 'odd' version 1 is new.", sentence]
    assert dry_run[0] == sentence
    assert dry_run[-1].startswith("Nothing moves")


async def test_a_policy_that_matches_and_an_unchanged_one_are_not_reported(sla: SlaClient) -> None:
    await sla.triaged()
    diff, dry_run = await warnings(sla, with_policy("billing", {"category": ["billing"]}))
    assert diff == ["Policy 'billing' version 1 is new."]
    assert len(dry_run) == 1


async def test_a_policy_hidden_by_earlier_policies_is_reported(sla: SlaClient) -> None:
    await sla.triaged()
    document = with_policy("all-billing", {"category": ["billing"], "severity": ["normal", "high"]})
    everyday = STANDARD_DATA["policy"][-1]
    document["policy"].insert(1, {**everyday, "id": "web", "when": {"channel": ["web"]}})
    diff, _ = await warnings(sla, document)
    assert diff[-1].startswith("Policy 'web' would apply to none of the 1 complaints")
    assert diff[-1].endswith("those that it asks for come under policies before it.")


async def test_a_pack_that_matches_no_complaint_is_reported_before_it_is_in_force(sla: SlaClient) -> None:
    await sla.triaged()
    document = json.loads(canonical_json(read_file(None, ("uk-disp",))))
    for pack in document["pack"]:
        pack["when"] = {"channel": ["phone"]}
    diff, _ = await warnings(sla, document)
    assert [
        sentence for sentence in diff if "'uk-disp' would apply to none" in sentence and "channel phone" in sentence
    ]


async def test_without_complaints_nothing_is_reported_and_the_number_checked_is_limited(
    sla: SlaClient, monkeypatch: Any
) -> None:
    document = with_policy("odd", {"category": ["no_such_category"]})
    diff, _ = await warnings(sla, document)
    assert diff == ["Policy 'odd' version 1 is new."]
    monkeypatch.setattr(coverage, "CHECKED_MAX", 1)
    for _ in range(30):
        await sla.triaged()
    diff, _ = await warnings(sla, document)
    assert "none of the 25 complaints looked at" in diff[-1], "complaints are read in pages of 25"
