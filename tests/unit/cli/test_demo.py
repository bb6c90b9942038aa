"""What the demo watches, and what it takes for right and wrong."""

import asyncio
import io
from typing import Any

import httpx
import pytest
from rich.console import Console

from deploy.demo.expectations import ObservedComplaint, find_differences, find_missing, parse_messages
from deploy.demo.live_table import LiveTable, format_summary, shorten_steps
from deploy.demo.progress import ComplaintProgress, parse_steps
from deploy.demo.samples import ExpectedOutcome, Sample
from deploy.demo.scenario import DemoContext, Scenario
from services.intake.domain.timeline_text import MESSAGES

RESOLVED = ExpectedOutcome(state="resolved", messages=("acknowledgement", "resolution"))


def line(kind: str, sentence: str = "") -> dict[str, str]:
    return {"kind": kind, "sentence": sentence}


def told(kind: str) -> dict[str, str]:
    return line("message.accepted", f"The customer was told: {MESSAGES[kind]}.")


def test_what_is_as_expected_has_no_differences() -> None:
    assert find_differences(RESOLVED, ObservedComplaint("resolved", ("acknowledgement", "resolution"), mails=2)) == []


@pytest.mark.parametrize(
    ("seen", "sentence"),
    [
        (ObservedComplaint("open", ("acknowledgement", "resolution"), 2), "it is open and should be resolved"),
        (ObservedComplaint("resolved", ("acknowledgement",), 1), "the customer was not told: resolution"),
        (
            ObservedComplaint("resolved", ("acknowledgement", "resolution", "resolution"), 3),
            "the customer was told more than expected: resolution",
        ),
        (
            ObservedComplaint("resolved", ("acknowledgement", "resolution"), 1),
            "the mailbox has 1 mails about it and should have 2",
        ),
        (
            ObservedComplaint("resolved", ("acknowledgement", "resolution"), 2, doubled=1),
            "1 mails arrived more than once",
        ),
    ],
)
def test_each_difference_is_a_sentence(seen: ObservedComplaint, sentence: str) -> None:
    assert find_differences(RESOLVED, seen) == [sentence]


def test_a_date_that_moved_by_itself_is_no_difference() -> None:
    seen = ObservedComplaint("resolved", ("acknowledgement", "promise_moved", "resolution"), 3)
    assert find_differences(RESOLVED, seen) == []


def test_without_a_mailbox_mails_are_not_asked_for() -> None:
    assert find_differences(RESOLVED, ObservedComplaint("resolved", ("acknowledgement", "resolution"))) == []


def test_the_timeline_tells_which_messages_went_out() -> None:
    story = [line("complaint.received"), told("acknowledgement"), line("promise.kept"), told("resolution")]
    assert parse_messages(story) == ("acknowledgement", "resolution")


def test_a_message_missing_once_of_twice_is_missing() -> None:
    assert find_missing(["resolution", "resolution"], ["resolution"]) == ["resolution"]


def test_the_way_names_the_first_message_and_does_not_repeat_neighbours() -> None:
    story = [
        line("complaint.received"),
        line("complaint.triaged"),
        line("complaint.assigned"),
        line("promise.made"),
        told("acknowledgement"),
        line("complaint.resolved"),
        line("promise.kept"),
        told("resolution"),
        told("progress"),
    ]
    way = ("received", "triaged", "assigned", "promised", "acknowledged", "resolved", "told")
    assert parse_steps(story) == way


def test_the_sum_counts_where_complaints_stand() -> None:
    trails = [
        ComplaintProgress("a-1", "en", steps=("received", "triaged")),
        ComplaintProgress("a-2", "en", steps=("received",), done=True),
        ComplaintProgress("a-3", "en", steps=("received",)),
    ]
    assert format_summary(trails, 5) == "1 of 5 done; now 2 received, 1 triaged"


def test_off_a_terminal_each_finished_complaint_is_one_plain_line() -> None:
    console = Console(file=io.StringIO(), width=200)
    trail = ComplaintProgress("a-1", "en", reference="RC-1", category="billing", steps=("received", "triaged"))
    with LiveTable(console, total=1) as board:
        board.show(trail)
        trail.done = True
        board.show(trail)
    assert isinstance(console.file, io.StringIO)
    assert console.file.getvalue() == "ok     a-1         en       RC-1  [billing]  received → triaged\n"


def test_on_a_terminal_the_table_shows_no_more_than_fits() -> None:
    console = Console(file=io.StringIO(), width=120, height=20, force_terminal=True)
    with LiveTable(console, total=60) as board:
        for number in range(60):
            board.show(ComplaintProgress(f"retail-{number}", "en", steps=("received",)))
        assert len(board._drawn().renderables[1].rows) == 13


def test_a_long_way_shows_its_end_cut_between_stations() -> None:
    way = ("received", "triaged", "assigned", "told")
    assert shorten_steps(way, 100) == "received → triaged → assigned → told"
    assert shorten_steps(way, 20) == "… → assigned → told"
    assert shorten_steps(way, 3) == "told"
    assert shorten_steps((), 10) == ""


class Pretended:
    """An intake that triages and acknowledges at the second look."""

    def __init__(self, *, mails: int) -> None:
        self.looks = 0
        self.facts: list[str] = []
        self.keys: dict[str, str] = {}
        self.mails = mails

    def __call__(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        if path == "/api/messages":
            found = [{"message_id": str(n), "copies": 1} for n in range(self.mails)]
            return httpx.Response(200, json={"messages": found})
        if request.method == "POST":
            return self._post(path, request.headers["idempotency-key"])
        self.looks += path.endswith("/timeline")
        return httpx.Response(200, json={"entries": self._story()} if path.endswith("/timeline") else self._record())

    def _post(self, path: str, key: str) -> httpx.Response:
        if path == "/v1/complaints":
            complaint = self.keys.setdefault(key, f"c{len(self.keys)}")
            return httpx.Response(201, json={"id": complaint, "reference": "RC-1", "status": "received"})
        self.facts.append(path.rpartition("/")[2])
        return httpx.Response(201, json={})

    def _story(self) -> list[dict[str, str]]:
        story = [line("complaint.received")]
        if self.looks > 1:
            story += [line("complaint.triaged"), told("acknowledgement")]
        if "resolution" in self.facts:
            story += [line("complaint.resolved"), told("resolution")]
        return story

    def _record(self) -> dict[str, Any]:
        status = "resolved" if "resolution" in self.facts else "open"
        owner = {"team": "care"}
        understood = {"category": ["billing"], "severity": "normal", "language": "en"}
        return {"status": status, "understood": understood, "owner": owner, "promise": {"due_at": "2026-03-09T17:00Z"}}


def sample(**changes: Any) -> Sample:
    given: dict[str, Any] = {
        "id": "retail-01",
        "lang": "en",
        "complaint": {"customer": {"email": "r@example.com"}},
        "script": [{"do": "resolution", "outcome": "upheld", "explanation": "Yes."}],
        "expect": RESOLVED,
    }
    return Sample.model_validate(given | changes)


async def travel(pretended: Pretended, patience: float = 30.0) -> ComplaintProgress:
    transport = httpx.MockTransport(pretended)
    async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
        world = DemoContext(client, client, "run", asyncio.Semaphore(4), changed=lambda _: None, patience=patience)
        journey, again = Scenario(sample(), world), Scenario(sample(id="retail-02"), world)
        await journey.file()
        await again.file_again(journey)
        await journey.go()
        return journey.trail


async def test_a_journey_ends_where_it_should_and_has_no_problems() -> None:
    trail = await travel(Pretended(mails=2))
    assert trail.problems == []
    assert trail.done
    assert trail.way == "received → triaged → acknowledged → resolved → told"
    assert (trail.category, trail.owner, trail.promise) == ("billing", "care", "2026-03-09")


async def test_a_mail_that_is_not_in_the_mailbox_is_a_problem() -> None:
    trail = await travel(Pretended(mails=1))
    assert trail.problems == ["the mailbox has 1 mails about it and should have 2"]


async def test_a_repetition_that_becomes_a_second_complaint_is_a_problem() -> None:
    pretended = Pretended(mails=2)
    pretended.keys = {}

    class Forgetful(dict[str, str]):
        def setdefault(self, key: str, default: str = "") -> str:
            self[f"{key}-{len(self)}"] = default
            return default

    pretended.keys = Forgetful()
    trail = await travel(pretended)
    assert "became two complaints" in trail.problems[0]


async def test_what_never_comes_is_listed_and_the_journey_ends() -> None:
    class Silent(Pretended):
        def _story(self) -> list[dict[str, str]]:
            return [line("complaint.received")]

    trail = await travel(Silent(mails=0), patience=0.01)
    assert trail.done
    assert "the customer was not told: acknowledgement" in trail.problems
