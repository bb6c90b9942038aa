"""Story of a complaint filed on a Sunday night: events and mails with their times.

Office hours are Monday to Friday, 9 to 17 UTC. A complaint that arrives after 17 counts as received on the next open
day; an everyday complaint then has four working days, and the customer is promised eight office hours more.
"""

from datetime import UTC, datetime, timedelta

from services.intake.domain import RecordProgress, Reopen, Resolve
from shared.contracts import INTAKE, SLA, TRIAGE, ComplaintId
from shared.contracts import events as e
from shared.testing.simulation import Simulation
from tests.simulated_services import Mail, PostOffice, cast, filed

SUNDAY_NIGHT = datetime(2026, 3, 1, 23, 50, tzinfo=UTC)
TARGET = datetime(2026, 3, 6, 17, 0, tzinfo=UTC)  # Friday
PROMISED, MOVED = datetime(2026, 3, 9, 17, 0, tzinfo=UTC), datetime(2026, 3, 11, 17, 0, tzinfo=UTC)


def published(world: Simulation, *kinds: type) -> list:
    return [
        event.facts
        for service in (INTAKE, TRIAGE, SLA)
        for event in world.events(service)
        if type(event.facts) in kinds
    ]


def new_mails(post: PostOffice, seen: list[Mail]) -> list[Mail]:
    fresh = [mail for mail in post.mails if mail not in seen]
    seen.extend(fresh)
    return fresh


async def until(world: Simulation, at: datetime) -> None:
    await world.pass_time(at - world.now)


async def test_a_complaint_of_a_sunday_night_is_told_everything_in_time() -> None:
    post, seen = PostOffice(), []
    world = cast(SUNDAY_NIGHT, post)
    complaint = await filed(world)

    # Acknowledged at once, although it is outside office hours; the date lies in working hours that exist.
    await world.settle()
    (first,) = new_mails(post, seen)
    assert (first.kind, first.at) == ("acknowledgement", SUNDAY_NIGHT)
    record = world.runner(INTAKE).states[complaint]
    assert record.status == "open" and record.owner and record.owner.handler and record.triage
    assert record.promise and record.promise.due_at == PROMISED
    letter = first.letter.text
    assert "RC-7K3M-9QPX-5" in first.letter.subject and "RC-7K3M-9QPX-5" in letter
    assert "Kettle arrived broken" in letter and "A new kettle" in letter, "it repeats what we understood"
    assert record.owner.name and record.owner.name in letter, "it says who"
    assert "Monday, March 9, 2026" in letter, "it says by when"

    # Nothing to say for half the time; then sla warns us, not the customer.
    await until(world, datetime(2026, 3, 6, 14, 0, tzinfo=UTC))
    warned = published(world, e.ClockWarned)
    assert [(warning.clock, warning.rung) for warning in warned] == [
        ("requester_wait", rung) for rung in ("50%", "75%", "90%")
    ]
    assert all(warning.due_at == TARGET for warning in warned)
    assert not new_mails(post, seen)
    assert not published(world, e.ClockBreached, e.PromiseBroken)

    # It will take longer: the customer hears so before the date, with the reason and a new date.
    await world.submit(
        INTAKE,
        RecordProgress(
            complaint,
            state="awaiting_third_party",
            note="The maker sends a new lid.",
            expected_at=MOVED,
            reason="supplier_delay",
        ),
    )
    await world.settle()
    mails = new_mails(post, seen)
    assert [mail.kind for mail in mails] == ["progress", "promise_moved"]
    assert all(mail.at < PROMISED for mail in mails)
    moved = mails[1].letter.text
    assert "Monday, March 9, 2026" in moved and "Wednesday, March 11, 2026" in moved
    assert "The maker sends a new lid." in mails[0].letter.text

    # Our own target passes and the lead looks at it; the first date passes as well, but it was moved in time.
    await until(world, PROMISED + timedelta(hours=1))
    (breach,) = published(world, e.ClockBreached)
    assert (breach.clock, breach.due_at) == ("requester_wait", TARGET)
    assert breach.late_by < timedelta(seconds=1)
    assert [escalated.level for escalated in published(world, e.Escalated)] == [1]
    assert not published(world, e.PromiseBroken) and not new_mails(post, seen)

    # Resolved on Tuesday: told the very moment.
    await until(world, datetime(2026, 3, 10, 10, 0, tzinfo=UTC))
    await world.submit(INTAKE, Resolve(complaint, outcome="upheld", explanation="A new kettle is on its way to you."))
    await world.settle()
    (answer,) = new_mails(post, seen)
    assert (answer.kind, answer.at) == ("resolution", world.now)
    assert "A new kettle is on its way to you." in answer.letter.text
    kept = published(world, e.PromiseKept)
    assert [(promise.promise, promise.first) for promise in kept] == [(2, False)]

    await reopened_and_resolved_again(world, post, seen, complaint)


async def reopened_and_resolved_again(
    world: Simulation, post: PostOffice, seen: list[Mail], complaint: ComplaintId
) -> None:
    before = world.runner(INTAKE).states[complaint].owner
    await until(world, datetime(2026, 3, 12, 8, 0, tzinfo=UTC))
    await world.submit(INTAKE, Reopen(complaint, by="customer", reason="The new one leaks as well."))
    await world.settle()
    (again,) = new_mails(post, seen)
    assert (again.kind, again.at) == ("reopened", world.now)
    record = world.runner(INTAKE).states[complaint]
    assert record.status == "open" and record.cycle == 2
    assert record.owner == before, "the same handler has it again"
    assert record.level == 3, "and their lead looks again, after the breach and eight hours more of it"
    assert record.promise and record.promise.due_at > world.now and record.promise.due_at.hour == 17
    assert again.message.states_promise == record.promise.number

    await until(world, datetime(2026, 3, 13, 15, 0, tzinfo=UTC))
    await world.submit(INTAKE, Resolve(complaint, outcome="upheld", explanation="We refunded you in full."))
    await world.settle()
    (last,) = new_mails(post, seen)
    assert (last.kind, last.at) == ("resolution", world.now)

    # Silence afterwards: no timer is left, nothing was broken, no letter is dead, everything was published once.
    await world.pass_time(timedelta(days=30))
    assert not new_mails(post, seen)
    assert not published(world, e.PromiseBroken)
    assert [mail.kind for mail in seen] == [
        "acknowledgement",
        "progress",
        "promise_moved",
        "resolution",
        "reopened",
        "resolution",
    ]
    assert not any(world.runner(service).dead for service in (INTAKE, TRIAGE, SLA))
    lines = [line.kind for line in world.runner(INTAKE).states[complaint].new_entries]
    assert lines.count("message.accepted") == len(seen)
    assert lines.index("complaint.reopened") < len(lines) - 1 - lines[::-1].index("complaint.resolved")
