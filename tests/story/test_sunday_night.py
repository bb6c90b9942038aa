"""Story of a complaint filed on a Sunday night: events and mails with their times.

Office hours are Monday to Friday, 9 to 17 UTC. A complaint that arrives after 17 counts as received on the next open
day; an everyday complaint then has four working days, and the customer is promised eight office hours more.
"""

from datetime import UTC, datetime, timedelta

from services.intake.domain import RecordProgress, Reopen, Resolve
from shared.contracts import INTAKE, SLA, TRIAGE, ComplaintId
from shared.contracts import events as e
from shared.testing.simulation import Simulation
from tests.simulated_services import SentMail, SimulatedSender, file_complaint, simulate_services

SUNDAY_NIGHT = datetime(2026, 3, 1, 23, 50, tzinfo=UTC)
TARGET = datetime(2026, 3, 6, 17, 0, tzinfo=UTC)  # Friday
PROMISED, MOVED = datetime(2026, 3, 9, 17, 0, tzinfo=UTC), datetime(2026, 3, 11, 17, 0, tzinfo=UTC)


def published_facts(simulation: Simulation, *kinds: type) -> list:
    return [
        event.facts
        for service in (INTAKE, TRIAGE, SLA)
        for event in simulation.events(service)
        if type(event.facts) in kinds
    ]


def new_mails(sender: SimulatedSender, seen: list[SentMail]) -> list[SentMail]:
    fresh = [mail for mail in sender.mails if mail not in seen]
    seen.extend(fresh)
    return fresh


async def pass_time_until(simulation: Simulation, at: datetime) -> None:
    await simulation.pass_time(at - simulation.now)


async def test_a_customer_who_files_on_a_sunday_night_is_informed_in_time() -> None:
    sender, seen = SimulatedSender(), []
    simulation = simulate_services(SUNDAY_NIGHT, sender)
    complaint = await file_complaint(simulation)

    # Acknowledged at once, although it is outside office hours; the date lies in working hours that exist.
    await simulation.settle()
    (first,) = new_mails(sender, seen)
    assert (first.kind, first.at) == ("acknowledgement", SUNDAY_NIGHT)
    record = simulation.runner(INTAKE).states[complaint]
    assert record.status == "open" and record.owner and record.owner.handler and record.triage
    assert record.promise and record.promise.due_at == PROMISED
    letter = first.rendered.text
    assert "RC-7K3M-9QPX-5" in first.rendered.subject and "RC-7K3M-9QPX-5" in letter
    assert "Kettle arrived broken" in letter and "A new kettle" in letter, "the mail repeats the complaint"
    assert record.owner.name and record.owner.name in letter, "the mail names the owner"
    assert "Monday, March 9, 2026" in letter, "the mail contains the promised date"

    # After half of the time sla publishes warnings for the staff; the customer gets no mail.
    await pass_time_until(simulation, datetime(2026, 3, 6, 14, 0, tzinfo=UTC))
    warned = published_facts(simulation, e.ClockWarned)
    assert [(warning.clock, warning.rung) for warning in warned] == [
        ("requester_wait", rung) for rung in ("50%", "75%", "90%")
    ]
    assert all(warning.due_at == TARGET for warning in warned)
    assert not new_mails(sender, seen)
    assert not published_facts(simulation, e.ClockBreached, e.PromiseBroken)

    # Delayed: the customer gets the reason and a new date before the first date.
    await simulation.submit(
        INTAKE,
        RecordProgress(
            complaint,
            state="awaiting_third_party",
            note="The maker sends a new lid.",
            expected_at=MOVED,
            reason="supplier_delay",
        ),
    )
    await simulation.settle()
    mails = new_mails(sender, seen)
    assert [mail.kind for mail in mails] == ["progress", "promise_moved"]
    assert all(mail.at < PROMISED for mail in mails)
    moved = mails[1].rendered.text
    assert "Monday, March 9, 2026" in moved and "Wednesday, March 11, 2026" in moved
    assert "The maker sends a new lid." in mails[0].rendered.text

    # The internal target passes and the complaint is escalated; the first date passes too, but it was moved in time.
    await pass_time_until(simulation, PROMISED + timedelta(hours=1))
    (breach,) = published_facts(simulation, e.ClockBreached)
    assert (breach.clock, breach.due_at) == ("requester_wait", TARGET)
    assert breach.late_by < timedelta(seconds=1)
    assert [escalated.level for escalated in published_facts(simulation, e.Escalated)] == [1]
    assert not published_facts(simulation, e.PromiseBroken) and not new_mails(sender, seen)

    # Resolved on Tuesday; the customer is informed at once.
    await pass_time_until(simulation, datetime(2026, 3, 10, 10, 0, tzinfo=UTC))
    await simulation.submit(
        INTAKE, Resolve(complaint, outcome="upheld", explanation="A new kettle is on its way to you.")
    )
    await simulation.settle()
    (answer,) = new_mails(sender, seen)
    assert (answer.kind, answer.at) == ("resolution", simulation.now)
    assert "A new kettle is on its way to you." in answer.rendered.text
    kept = published_facts(simulation, e.PromiseKept)
    assert [(promise.promise, promise.first) for promise in kept] == [(2, False)]

    await check_reopening(simulation, sender, seen, complaint)


async def check_reopening(
    simulation: Simulation, sender: SimulatedSender, seen: list[SentMail], complaint: ComplaintId
) -> None:
    """Check events and mails after the complaint is reopened and resolved again."""
    before = simulation.runner(INTAKE).states[complaint].owner
    await pass_time_until(simulation, datetime(2026, 3, 12, 8, 0, tzinfo=UTC))
    await simulation.submit(INTAKE, Reopen(complaint, by="customer", reason="The new one leaks as well."))
    await simulation.settle()
    (again,) = new_mails(sender, seen)
    assert (again.kind, again.at) == ("reopened", simulation.now)
    record = simulation.runner(INTAKE).states[complaint]
    assert record.status == "open" and record.cycle == 2
    assert record.owner == before, "the same handler has it again"
    assert record.level == 3, "escalated again, after the breach and eight hours later"
    assert record.promise and record.promise.due_at > simulation.now and record.promise.due_at.hour == 17
    assert again.message.states_promise == record.promise.number

    await pass_time_until(simulation, datetime(2026, 3, 13, 15, 0, tzinfo=UTC))
    await simulation.submit(INTAKE, Resolve(complaint, outcome="upheld", explanation="We refunded you in full."))
    await simulation.settle()
    (last,) = new_mails(sender, seen)
    assert (last.kind, last.at) == ("resolution", simulation.now)

    # Afterwards no mail, broken promise or dead letter follows; every event was published once.
    await simulation.pass_time(timedelta(days=30))
    assert not new_mails(sender, seen)
    assert not published_facts(simulation, e.PromiseBroken)
    assert [mail.kind for mail in seen] == [
        "acknowledgement",
        "progress",
        "promise_moved",
        "resolution",
        "reopened",
        "resolution",
    ]
    assert not any(simulation.runner(service).dead for service in (INTAKE, TRIAGE, SLA))
    lines = [line.kind for line in simulation.runner(INTAKE).states[complaint].new_entries]
    assert lines.count("message.accepted") == len(seen)
    assert lines.index("complaint.reopened") < len(lines) - 1 - lines[::-1].index("complaint.resolved")
