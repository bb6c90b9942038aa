"""Encoded documents of a new complaint, compared with the result of `decide`."""

import pytest
from pydantic_core import from_json
from uuid_utils.compat import uuid7

from services.intake.domain import FileComplaint, IntakeState, decide
from services.intake.store.encode import encode_complaint
from shared.contracts import EVENTS, INTAKE, Contact, Narrative, read
from shared.contracts.events import ComplaintReceived
from shared.runner.state_store import serialize_state
from shared.runner.types import Context
from tests.factories import event
from tests.unit.intake.builders import NOW, file_complaint, file_on_behalf

CASES = [
    file_complaint(),
    file_complaint(product=None, customer=Contact(phone="+6281234567890", locale="en", timezone="UTC")),
    file_complaint(narrative=Narrative(text='quotes " \\ and\nlines\t投诉 🙂 </script>')),
    file_complaint(narrative=Narrative(text="x" * 100_000, attributes={f"a{n}": "v" for n in range(32)})),
    file_complaint(
        client='shop "two" \\', product='6" kettle', customer=Contact(name='"', locale="en", timezone="UTC")
    ),
    file_on_behalf(),
    file_on_behalf(authority='"court" order', product='a"b'),
]


@pytest.mark.parametrize("command", CASES)
def test_the_encoded_event_equals_the_decided_event(command: FileComplaint) -> None:
    event_id = uuid7()
    (new_event,) = decide(None, command, Context(NOW)).events
    expected = EVENTS[ComplaintReceived](
        id=event_id,
        source=INTAKE.source,
        subject=command.complaint_id,
        time=NOW,
        sequence=1,
        correlationid=str(event_id),
        data={"facts": new_event.facts, "parties": new_event.parties, "personal": new_event.personal},
    )
    assert read(encode_complaint(command, event_id, NOW).event) == expected


@pytest.mark.parametrize("command", CASES)
def test_the_encoded_document_equals_the_decided_state(command: FileComplaint) -> None:
    decided = decide(None, command, Context(NOW)).state
    assert decided is not None
    stored = IntakeState.model_validate_json(encode_complaint(command, uuid7(), NOW).state)
    assert stored.model_copy(update={"last_sequence": 0, "version": 0}) == decided.model_copy(
        update={"new_entries": ()}
    )
    assert (stored.last_sequence, stored.version) == (1, 1)
    assert IntakeState.model_validate_json(serialize_state(stored)) == stored


@pytest.mark.parametrize("command", CASES)
def test_the_first_timeline_entry_is_the_decided_one(command: FileComplaint) -> None:
    state = decide(None, command, Context(NOW)).state
    assert state is not None
    (entry,) = state.new_entries
    assert from_json(encode_complaint(command, uuid7(), NOW).entry) == entry.facts
    assert (entry.at, entry.kind) == (command.received_at, "complaint.received")


def test_the_response_contains_no_data_of_the_customer() -> None:
    assert set(from_json(encode_complaint(file_on_behalf(), uuid7(), NOW).answer)) == {
        "id",
        "reference",
        "status",
        "received_at",
        "recorded_at",
    }


def test_the_event_contains_the_data_of_both_people() -> None:
    event_ = read(encode_complaint(file_on_behalf(), uuid7(), NOW).event)
    assert event_.contact("complainant").email == "customer12@example.org"
    assert event_.contact("third_party").name == "Customer 13"
    assert event_.narrative().text == "It leaks."
    assert event_.facts.on_behalf
    assert type(event_) is type(event(event_.facts))
