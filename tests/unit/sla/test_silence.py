"""When the customer has heard nothing for too long, also where what we wrote about it came back."""

import pytest

from shared.contracts.events import MessageFailed, SilenceNoticed
from tests.unit.sla.lives import Life, accepted, at, book, bounced, policy, promised


def quiet() -> Life:
    """Told on Monday at ten, under a policy that bears two days of silence."""
    return promised(book(policy(id="quiet", when={"severity": ["normal"]}, silence_days=2)))


def noticed(life: Life, until: str) -> list[SilenceNoticed]:
    return [fact for fact in life.passes_until(until) if isinstance(fact, SilenceNoticed)]


def comes_back(life: Life, sent: str, returned: str) -> None:
    life.hears(sent, accepted(sent, "progress", message=f"note {sent}"))
    life.hears(returned, bounced(f"note {sent}", hard=True))


def failed(message: str) -> MessageFailed:
    return MessageFailed(
        message=message, message_kind="progress", channel="email", cause="c", reason="rejected", attempts=3
    )


def test_silence_is_noticed_once_where_nothing_is_tried() -> None:
    (fact,) = noticed(quiet(), "Mon+14 10:00")
    assert (fact.since, fact.days, fact.tried_at) == (at("Mon 10:00"), 2, None)


def test_a_note_that_arrives_begins_the_count_anew() -> None:
    life = quiet()
    noticed(life, "Wed 10:00")
    life.hears("Wed 10:05", accepted("Wed 10:05", "progress"))
    assert noticed(life, "Fri 10:04") == []
    assert [(entry.since, entry.tried_at) for entry in noticed(life, "Fri 10:05")] == [(at("Wed 10:05"), None)]


def test_a_note_that_came_back_is_followed_by_another_and_the_silence_is_as_old_as_it_is() -> None:
    life = quiet()
    assert len(noticed(life, "Wed 10:00")) == 1
    comes_back(life, "Wed 10:05", "Wed 11:00")
    assert noticed(life, "Fri 10:04") == []
    (again,) = noticed(life, "Fri 10:05")
    assert (again.since, again.tried_at) == (at("Mon 10:00"), at("Wed 10:05"))
    assert noticed(life, "Mon+7 10:00") == [], "nothing was tried after that"
    comes_back(life, "Mon+7 10:00", "Mon+7 10:01")
    (third,) = noticed(life, "Mon+14 10:00")
    assert (third.since, third.tried_at) == (at("Mon 10:00"), at("Mon+7 10:00"))


def test_a_note_that_was_never_accepted_counts_from_when_it_was_given_up() -> None:
    life = quiet()
    noticed(life, "Wed 10:00")
    life.hears("Thu 09:00", failed("note"))
    assert [(each.since, each.tried_at) for each in noticed(life, "Sat 09:00")] == [(at("Mon 10:00"), at("Thu 09:00"))]


@pytest.mark.parametrize("returned", ["Tue 10:05", "Wed 09:00"])
def test_what_came_back_before_anybody_noticed_puts_nothing_off(returned: str) -> None:
    life = quiet()
    comes_back(life, "Tue 10:00", returned)
    assert [(element.since, element.tried_at) for element in noticed(life, "Wed 10:00")] == [(at("Mon 10:00"), None)]
    assert noticed(life, "Mon+14 10:00") == []


def test_a_silence_that_was_said_is_not_said_again_when_the_word_before_it_comes_back() -> None:
    life = quiet()
    noticed(life, "Wed 10:00")
    life.hears("Wed 10:05", accepted("Wed 10:05", "progress", message="note"))
    assert len(noticed(life, "Fri 10:05")) == 1
    life.hears("Fri 12:00", bounced("note", hard=True))
    assert noticed(life, "Mon+14 10:00") == [], "counted from the same attempt already"


def test_a_word_that_arrives_ends_it() -> None:
    life = quiet()
    noticed(life, "Wed 10:00")
    comes_back(life, "Wed 10:05", "Wed 11:00")
    life.hears("Thu 10:00", accepted("Thu 10:00", "progress"))
    assert [(value.since, value.tried_at) for value in noticed(life, "Mon+14 10:00")] == [(at("Thu 10:00"), None)]
