"""Demo: progress that is shown, and problems that are reported."""

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


def entry(kind: str, sentence: str = "") -> dict[str, str]:
    return {"kind": kind, "sentence": sentence}


def message(kind: str) -> dict[str, str]:
    return entry("message.accepted", f"The customer was told: {MESSAGES[kind]}.")


def test_an_expected_result_has_no_differences() -> None:
    assert find_differences(RESOLVED, ObservedComplaint("resolved", ("acknowledgement", "resolution"), mails=2)) == []


@pytest.mark.parametrize(
    ("observed", "sentence"),
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
def test_each_difference_is_a_sentence(observed: ObservedComplaint, sentence: str) -> None:
    assert find_differences(RESOLVED, observed) == [sentence]


def test_an_additional_message_about_a_moved_date_is_not_a_difference() -> None:
    observed = ObservedComplaint("resolved", ("acknowledgement", "promise_moved", "resolution"), 3)
    assert find_differences(RESOLVED, observed) == []


def test_without_a_mailbox_mails_are_not_compared() -> None:
    assert find_differences(RESOLVED, ObservedComplaint("resolved", ("acknowledgement", "resolution"))) == []


def test_messages_are_parsed_from_the_timeline() -> None:
    timeline = [entry("complaint.received"), message("acknowledgement"), entry("promise.kept"), message("resolution")]
    assert parse_messages(timeline) == ("acknowledgement", "resolution")


def test_a_message_expected_twice_and_sent_once_is_missing() -> None:
    assert find_missing(["resolution", "resolution"], ["resolution"]) == ["resolution"]


def test_steps_name_the_first_message_and_do_not_repeat_neighbours() -> None:
    timeline = [
        entry("complaint.received"),
        entry("complaint.triaged"),
        entry("complaint.assigned"),
        entry("promise.made"),
        message("acknowledgement"),
        entry("complaint.resolved"),
        entry("promise.kept"),
        message("resolution"),
        message("progress"),
    ]
    steps = ("received", "triaged", "assigned", "promised", "acknowledged", "resolved", "told")
    assert parse_steps(timeline) == steps


def test_the_summary_counts_complaints_by_their_last_step() -> None:
    complaints = [
        ComplaintProgress("a-1", "en", steps=("received", "triaged")),
        ComplaintProgress("a-2", "en", steps=("received",), done=True),
        ComplaintProgress("a-3", "en", steps=("received",)),
    ]
    assert format_summary(complaints, 5) == "1 of 5 done; now 2 received, 1 triaged"


def test_without_a_terminal_each_finished_complaint_is_one_plain_line() -> None:
    console = Console(file=io.StringIO(), width=200)
    progress = ComplaintProgress("a-1", "en", reference="RC-1", category="billing", steps=("received", "triaged"))
    with LiveTable(console, total=1) as live_table:
        live_table.show(progress)
        progress.done = True
        live_table.show(progress)
    assert isinstance(console.file, io.StringIO)
    assert console.file.getvalue() == "ok     a-1         en       RC-1  [billing]  received → triaged\n"


def test_on_a_terminal_the_table_shows_no_more_than_fits() -> None:
    console = Console(file=io.StringIO(), width=120, height=20, force_terminal=True)
    with LiveTable(console, total=60) as live_table:
        for number in range(60):
            live_table.show(ComplaintProgress(f"retail-{number}", "en", steps=("received",)))
        assert len(live_table._build_view().renderables[1].rows) == 13


def test_long_steps_are_shortened_to_the_last_ones() -> None:
    steps = ("received", "triaged", "assigned", "told")
    assert shorten_steps(steps, 100) == "received → triaged → assigned → told"
    assert shorten_steps(steps, 20) == "… → assigned → told"
    assert shorten_steps(steps, 3) == "told"
    assert shorten_steps((), 10) == ""


class FakeIntake:
    """Intake that triages and acknowledges a complaint at the second request."""

    def __init__(self, *, mails: int) -> None:
        self.timeline_requests = 0
        self.updates: list[str] = []
        self.keys: dict[str, str] = {}
        self.mails = mails

    def __call__(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        if path == "/api/messages":
            messages = [{"message_id": str(n), "copies": 1} for n in range(self.mails)]
            return httpx.Response(200, json={"messages": messages})
        if request.method == "POST":
            return self._post(path, request.headers["idempotency-key"])
        self.timeline_requests += path.endswith("/timeline")
        return httpx.Response(200, json={"entries": self._timeline()} if path.endswith("/timeline") else self._record())

    def _post(self, path: str, key: str) -> httpx.Response:
        if path == "/v1/complaints":
            complaint = self.keys.setdefault(key, f"c{len(self.keys)}")
            return httpx.Response(201, json={"id": complaint, "reference": "RC-1", "status": "received"})
        self.updates.append(path.rpartition("/")[2])
        return httpx.Response(201, json={})

    def _timeline(self) -> list[dict[str, str]]:
        timeline = [entry("complaint.received")]
        if self.timeline_requests > 1:
            timeline += [entry("complaint.triaged"), message("acknowledgement")]
        if "resolution" in self.updates:
            timeline += [entry("complaint.resolved"), message("resolution")]
        return timeline

    def _record(self) -> dict[str, Any]:
        status = "resolved" if "resolution" in self.updates else "open"
        owner = {"team": "care"}
        understood = {"category": ["billing"], "severity": "normal", "language": "en"}
        return {"status": status, "understood": understood, "owner": owner, "promise": {"due_at": "2026-03-09T17:00Z"}}


def sample(**changes: Any) -> Sample:
    fields: dict[str, Any] = {
        "id": "retail-01",
        "lang": "en",
        "complaint": {"customer": {"email": "r@example.com"}},
        "script": [{"do": "resolution", "outcome": "upheld", "explanation": "Yes."}],
        "expect": RESOLVED,
    }
    return Sample.model_validate(fields | changes)


async def run_scenario(intake: FakeIntake, seconds: float = 30.0) -> ComplaintProgress:
    transport = httpx.MockTransport(intake)
    async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
        context = DemoContext(client, client, "run", asyncio.Semaphore(4), changed=lambda _: None, timeout=seconds)
        scenario, again = Scenario(sample(), context), Scenario(sample(id="retail-02"), context)
        await scenario.file()
        await again.file_again(scenario)
        await scenario.run_steps()
        return scenario.progress


async def test_a_complete_scenario_has_no_problems() -> None:
    progress = await run_scenario(FakeIntake(mails=2))
    assert progress.problems == []
    assert progress.done
    assert progress.path == "received → triaged → acknowledged → resolved → told"
    assert (progress.category, progress.owner, progress.promise) == ("billing", "care", "2026-03-09")


async def test_a_missing_mail_is_a_problem() -> None:
    progress = await run_scenario(FakeIntake(mails=1))
    assert progress.problems == ["the mailbox has 1 mails about it and should have 2"]


async def test_a_repetition_that_files_a_second_complaint_is_a_problem() -> None:
    intake = FakeIntake(mails=2)

    class UnknownKeys(dict[str, str]):
        def setdefault(self, key: str, default: str = "") -> str:
            self[f"{key}-{len(self)}"] = default
            return default

    intake.keys = UnknownKeys()
    progress = await run_scenario(intake)
    assert "filed as two complaints" in progress.problems[0]


async def test_missing_messages_are_listed_and_the_scenario_ends() -> None:
    class Silent(FakeIntake):
        def _timeline(self) -> list[dict[str, str]]:
            return [entry("complaint.received")]

    progress = await run_scenario(Silent(mails=0), seconds=0.01)
    assert progress.done
    assert "the customer was not told: acknowledgement" in progress.problems
