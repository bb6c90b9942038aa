"""Committed event schemas are equal to the code, and a change must not break subscribers of the other version."""

import json
from copy import deepcopy
from pathlib import Path

import pytest

from shared.contracts import EVENTS, FACTS, SERVICES, Fact
from shared.contracts import __file__ as package
from shared.contracts.asyncapi import build_document, event_schema
from shared.contracts.compatibility import find_breaking_changes
from shared.contracts.events import ComplaintReceived, Triaged

FOLDER = Path(package).parent / "schemas"


@pytest.mark.parametrize("fact", FACTS, ids=lambda fact: fact.kind)
def test_the_committed_schema_is_compatible_and_current(fact: type[Fact]) -> None:
    committed = json.loads((FOLDER / f"{fact.wire_type()}.json").read_text("utf-8"))
    assert not find_breaking_changes(committed, event_schema(fact)), (
        f"incompatible change: make it version {fact.version + 1}"
    )
    assert committed == event_schema(fact), "run `make schemas` and commit the result"


def test_every_committed_schema_belongs_to_an_event() -> None:
    assert {path.stem for path in FOLDER.glob("*.json")} == {fact.wire_type() for fact in EVENTS}


def change_schema(fact: type[Fact], **edits):
    new = deepcopy(event_schema(fact))
    facts = (
        new["$defs"][fact.__name__]
        if fact.__name__ in new["$defs"]
        else next(d for d in new["$defs"].values() if set(fact.model_fields) <= set(d.get("properties", {})))
    )
    for name, edit in edits.items():
        edit(facts) if callable(edit) else facts["properties"].update({name: edit})
    return new


@pytest.mark.parametrize(
    ("fact", "edit", "message"),
    [
        (ComplaintReceived, lambda facts: facts["properties"].pop("reference"), "reference: removed"),
        (ComplaintReceived, lambda facts: facts["required"].append("product"), "product: required now"),
        (ComplaintReceived, lambda facts: facts["properties"]["reference"].update(type="integer"), "type was 'string'"),
        (Triaged, lambda facts: facts["properties"]["severity"]["enum"].append("huge"), "its values changed"),
        (Triaged, lambda facts: facts["properties"]["category"]["items"].update(type="integer"), "type was 'string'"),
    ],
)
def test_a_change_that_breaks_a_subscriber_is_reported(fact: type[Fact], edit, message: str) -> None:
    assert any(
        message in change for change in find_breaking_changes(event_schema(fact), change_schema(fact, edit=edit))
    )


def test_a_new_optional_field_is_compatible() -> None:
    assert (
        find_breaking_changes(event_schema(Triaged), change_schema(Triaged, mood={"type": "string", "default": ""}))
        == []
    )


def test_asyncapi_lists_every_topic_with_its_publisher_and_all_its_messages() -> None:
    document = build_document()
    assert document["asyncapi"].startswith("3.")
    assert {c["address"] for c in document["channels"].values()} == {service.topic for service in SERVICES}
    assert sum(operation["action"] == "send" for operation in document["operations"].values()) == len(SERVICES)
    references = [m["$ref"].rsplit("/", 1)[-1] for c in document["channels"].values() for m in c["messages"].values()]
    assert sorted(references) == sorted(document["components"]["messages"]) == sorted(f.wire_type() for f in FACTS)
