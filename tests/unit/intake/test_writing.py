"""The hot path's bytes are what `decide` decides."""

import pytest
from pydantic_core import from_json
from uuid_utils.compat import uuid7

from services.intake.domain import FileComplaint, IntakeState, decide
from services.intake.store.encode import write_filed
from shared.contracts import EVENTS, INTAKE, Contact, Narrative, read
from shared.contracts.events import ComplaintReceived
from shared.runner.state_store import serialize_state
from shared.runner.types import Context
from tests.factories import event
from tests.unit.intake.stories import NOW, filed, represented

CASES = [
    filed(),
    filed(product=None, customer=Contact(phone="+6281234567890", locale="en", timezone="UTC")),
    filed(narrative=Narrative(text='quotes " \\ and\nlines\t投诉 🙂 </script>')),
    filed(narrative=Narrative(text="x" * 100_000, attributes={f"a{n}": "v" for n in range(32)})),
    filed(client='shop "two" \\', product='6" kettle', customer=Contact(name='"', locale="en", timezone="UTC")),
    represented(),
    represented(authority='"court" order', product='a"b'),
]


@pytest.mark.parametrize("given", CASES)
def test_the_event_reads_back_as_what_is_said(given: FileComplaint) -> None:
    event_id = uuid7()
    (say,) = decide(None, given, Context(NOW)).events
    expected = EVENTS[ComplaintReceived](
        id=event_id,
        source=INTAKE.source,
        subject=given.complaint_id,
        time=NOW,
        sequence=1,
        correlationid=str(event_id),
        data={"facts": say.facts, "parties": say.parties, "personal": say.personal},
    )
    assert read(write_filed(given, event_id, NOW).event) == expected


@pytest.mark.parametrize("given", CASES)
def test_the_document_reads_back_as_the_state(given: FileComplaint) -> None:
    decided = decide(None, given, Context(NOW)).state
    assert decided is not None
    stored = IntakeState.model_validate_json(write_filed(given, uuid7(), NOW).state)
    assert stored.model_copy(update={"last_sequence": 0, "version": 0}) == decided.model_copy(update={"fresh": ()})
    assert (stored.last_sequence, stored.version) == (1, 1)
    assert IntakeState.model_validate_json(serialize_state(stored)) == stored


@pytest.mark.parametrize("given", CASES)
def test_the_first_line_is_the_one_decided(given: FileComplaint) -> None:
    state = decide(None, given, Context(NOW)).state
    assert state is not None
    (entry,) = state.fresh
    assert from_json(write_filed(given, uuid7(), NOW).entry) == entry.facts
    assert (entry.at, entry.kind) == (given.received_at, "complaint.received")


def test_the_answer_says_nothing_of_the_customer() -> None:
    assert set(from_json(write_filed(represented(), uuid7(), NOW).answer)) == {
        "id",
        "reference",
        "status",
        "received_at",
        "recorded_at",
    }


def test_the_event_introduces_both_people() -> None:
    heard = read(write_filed(represented(), uuid7(), NOW).event)
    assert heard.contact("complainant").email == "customer12@example.org"
    assert heard.contact("third_party").name == "Customer 13"
    assert heard.narrative().text == "It leaks."
    assert heard.facts.on_behalf
    assert type(heard) is type(event(heard.facts))
