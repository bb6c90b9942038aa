"""Story of one complaint on the real stack: filed at intake, answered by mail, reopened."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest

from tests.running_stack import RunningStack, wait_until

TIMEOUT_SECONDS = 60.0  # seconds for each step; on a quiet machine it takes one
NARRATIVE = "The parcel came a week late and the kettle in it is broken. I want a refund or a new one."
COMPLAINT = {
    "customer": {
        "name": "Customer 12",
        "email": "customer12@example.org",
        "locale": "en-GB",
        "timezone": "Asia/Jakarta",
    },
    "channel": "web",
    "subject": "Kettle arrived broken",
    "narrative": NARRATIVE,
    "product": "Kettle 1.7 l",
    "expected_outcome": "A new kettle before the weekend",
}


class Customer:
    """Client of intake and reader of a mailbox."""

    def __init__(self, intake: httpx.Client, mailbox: httpx.Client) -> None:
        self._intake = intake
        self._mailbox = mailbox
        answer = intake.post("/v1/complaints", json=COMPLAINT, headers={"idempotency-key": "story-1"})
        assert answer.status_code == 201, answer.text
        self.complaint: dict[str, Any] = answer.json()

    @property
    def reference(self) -> str:
        return str(self.complaint["reference"])

    def read(self, part: str = "") -> dict[str, Any]:
        answer = self._intake.get(f"/v1/complaints/{self.complaint['id']}{part}")
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def state(self, fact: str, **body: Any) -> None:
        answer = self._intake.post(f"/v1/complaints/{self.complaint['id']}/{fact}", json=body)
        assert answer.status_code == 201, answer.text

    def mails(self) -> list[dict[str, Any]]:
        """Return this complaint's mails, oldest first."""
        query = {"to": COMPLAINT["customer"]["email"], "q": self.reference}  # type: ignore[index]
        listed = self._mailbox.get("/api/messages", params=query).json()["messages"]
        return [self._mailbox.get(f"/api/messages/{listed_mail['id']}").json() for listed_mail in reversed(listed)]

    def mail(self, number: int) -> dict[str, Any]:
        """Return the mail of that number, counted from 1, when it has arrived."""
        mails = wait_until(lambda: self.mails()[number - 1 :], seconds=TIMEOUT_SECONDS, what=f"mail number {number}")
        assert len(mails) == 1, [mail["subject"] for mail in mails]
        return mails[0]

    def kinds(self) -> list[str]:
        return [line["kind"] for line in self.read("/timeline")["entries"]]

    def timeline_kinds(self, count: int, *, kept: int = 0) -> list[str]:
        """Return the kinds of the timeline once it has so many messages and so many promises kept."""

        def complete(kinds: list[str]) -> bool:
            return kinds.count("message.accepted") == count and kinds.count("promise.kept") >= kept

        return wait_until(
            lambda: kinds if complete(kinds := self.kinds()) else None,
            seconds=TIMEOUT_SECONDS,
            what=f"a timeline with {count} messages and {kept} promises kept",
        )


@pytest.fixture(scope="module")
def customer(running_stack: RunningStack) -> Customer:
    return Customer(running_stack.client("intake"), running_stack.client("mailbox"))


def format_day(text: str) -> str:
    """Format the day of an instant as in an English letter, in the customer's time zone."""
    at = datetime.fromisoformat(text).astimezone(ZoneInfo("Asia/Jakarta"))
    return f"{at.day} {at:%B %Y}"


def test_a_complaint_is_acknowledged_resolved_and_reopened(customer: Customer) -> None:
    """Check the story in order: each step depends on the one before."""
    # Acknowledged with the reference, the complaint as the service understood it, the owner and the promised date.
    letter = customer.mail(1)
    record = wait_until(
        lambda: read if (read := customer.read())["promise"] and read["acknowledged_at"] else None,
        seconds=TIMEOUT_SECONDS,
        what="a promise in the public record",
    )
    assert record["status"] == "open"
    assert customer.reference in letter["subject"] and customer.reference in letter["text"]
    for expected in (
        "Kettle arrived broken",
        "A new kettle before the weekend",
        record["owner"]["name"],
        "Customer 12",
    ):
        assert expected in letter["text"]
        assert expected in letter["html"]
    assert format_day(record["promise"]["due_at"]) in letter["text"]
    kinds = customer.timeline_kinds(1)
    assert kinds[0] == "complaint.received"
    assert {"complaint.triaged", "complaint.assigned", "promise.made"} <= set(kinds[: kinds.index("message.accepted")])

    # Progress is reported to the customer without a request.
    customer.state("progress", state="investigating", note="We have asked the carrier for its photographs.")
    letter = customer.mail(2)
    assert "We have asked the carrier for its photographs." in letter["text"]

    # Resolved; the customer gets a mail.
    remedy = [{"kind": "replacement"}, {"kind": "goodwill", "amount": "50000", "currency": "IDR"}]
    customer.state("resolution", outcome="upheld", explanation="A new kettle is on its way.", redress=remedy)
    letter = customer.mail(3)
    assert "A new kettle is on its way." in letter["text"]
    assert "50,000" in letter["text"]
    assert customer.read()["status"] == "resolved"

    # Reopened: the same complaint with its history and a new promised date.
    customer.state("reopen", by="customer", reason="The new one leaks as well.")
    customer.mail(4)
    again = wait_until(
        lambda: read if (read := customer.read())["promise"]["number"] == 2 else None,
        seconds=TIMEOUT_SECONDS,
        what="a second promise",
    )
    assert again["status"] == "open"
    assert again["owner"]["handler"] == record["owner"]["handler"], "the same handler has it again"
    assert again["level"] == 1, "it was escalated to the lead"

    # Resolved again.
    customer.state("resolution", outcome="upheld", explanation="We have refunded you in full.")
    letter = customer.mail(5)
    assert "We have refunded you in full." in letter["text"]
    assert customer.read()["status"] == "resolved"

    # The timeline has every event, once each and in order.
    kinds = customer.timeline_kinds(5, kept=2)
    story = [kind for kind in kinds if kind.startswith("complaint.") and kind != "complaint.escalated"]
    assert story == [
        "complaint.received",
        "complaint.triaged",
        "complaint.assigned",
        "complaint.progress_recorded",
        "complaint.resolved",
        "complaint.reopened",
        "complaint.resolved",
    ]
    assert kinds.count("promise.made") == 2
    assert kinds.count("promise.kept") == 2
    assert [kind for kind in kinds if kind == "promise.broken"] == []
    entries = customer.read("/timeline")["entries"]
    assert all(line["sentence"] for line in entries)
    assert [line["at"] for line in entries] == sorted(line["at"] for line in entries)


def test_a_repeated_request_returns_the_same_complaint(customer: Customer, running_stack: RunningStack) -> None:
    again = Customer(running_stack.client("intake"), running_stack.client("mailbox"))
    assert again.complaint["id"] == customer.complaint["id"]


def test_no_log_contains_personal_data(customer: Customer, running_stack: RunningStack) -> None:
    for name in ("intake", "triage", "sla", "notify", "postgres", "kafka"):
        log = running_stack.log(name)
        assert not [word for word in ("customer12", "Customer 12", "kettle in it", "photographs") if word in log], name
