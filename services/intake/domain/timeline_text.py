"""The timeline in plain sentences. Made when somebody reads, so that better words also reach old complaints.

They acknowledge and inform; they never blame, and severity, signals and internal reasons have no place in them.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from services.intake.domain.state import TimelineEntry

Facts = Mapping[str, Any]
Teller = Callable[[TimelineEntry, ZoneInfo], str]

CHANNELS: Final = {
    "web": "through the web site",
    "app": "through the app",
    "email": "by e-mail",
    "phone": "by phone",
    "chat": "in a chat",
    "letter": "by letter",
    "branch": "in a branch",
    "social": "through social media",
    "partner": "through a partner",
}
PROGRESS: Final = {
    "investigating": "We are looking into it",
    "awaiting_customer": "We need something from the customer to go on",
    "awaiting_third_party": "We are waiting for somebody outside to go on",
}
OUTCOMES: Final = {
    "upheld": "the complaint was justified and is put right",
    "partly_upheld": "the complaint was justified in part",
    "rejected": "we could not follow the complaint, and said why",
    "settled": "we agreed on a solution",
    "no_reply": "we did not hear from the customer again",
}
MILESTONES: Final = {
    "stage2_requested": "The customer asked for a second review",
    "stage2_answered": "The second review was answered",
    "action_agreed": "We agreed on something to be done",
    "action_completed": "What was agreed was done",
    "handed_over": "Somebody outside was asked to do their part",
    "handed_back": "They did their part, and it is with us again",
    "ombudsman_asked": "The ombudsman asked us about it",
    "ombudsman_answered": "We answered the ombudsman",
    "settled": "The customer accepted the outcome",
}
MESSAGES: Final = {
    "acknowledgement": "the confirmation that we have the complaint",
    "progress": "how far we are",
    "promise_moved": "the new date",
    "delay": "that it takes longer",
    "holding": "why it may take longer",
    "handler_changed": "who looks after it now",
    "resolution": "our answer",
    "reopened": "that we look at it again",
    "withdrawn": "that we closed it as asked",
}
# By what is promised: the answer, the next word from us, or something agreed.
PROMISED: Final = {
    "outcome": "An answer is promised by {}.",
    "next_update": "We will write again by {}.",
    "action": "What was agreed is to be done by {}.",
}
MOVED: Final = {
    "outcome": "The promised date",
    "next_update": "The date by which we write again",
    "action": "The date for what was agreed",
}
KEPT: Final = {
    "outcome": "The promised date was kept.",
    "next_update": "We wrote by the date we had named.",
    "action": "What was agreed was done by the date we had named.",
}
BROKEN: Final = {
    "outcome": "The promised date, {}, passed without an answer.",
    "next_update": "We had said that we would write by {}, and did not.",
    "action": "What was agreed was to be done by {}, and was not.",
}
HEARD_LATER: Final = timedelta(minutes=1)


def sentence(entry: TimelineEntry, zone: str | None) -> str:
    """One line for people, with times in the customer's zone where it is known."""
    teller = TELLERS.get(entry.kind)
    return teller(entry, ZoneInfo(zone or "UTC")) if teller else f"{entry.kind.replace('.', ' ').replace('_', ' ')}."


def _when(moment: str, zone: ZoneInfo) -> str:
    local = datetime.fromisoformat(moment).astimezone(zone)
    return f"{local.day} {local:%B %Y, %H:%M} ({zone.key})"


def _words(code: str) -> str:
    return code.replace("_", " ")


def _progress(entry: TimelineEntry, zone: ZoneInfo) -> str:
    facts = entry.facts
    expected = facts.get("expected_at")
    later = f"; an outcome is now expected by {_when(expected, zone)}" if expected else ""
    return f"{PROGRESS[facts['state']]}{later}."


def _assigned(entry: TimelineEntry, zone: ZoneInfo) -> str:
    del zone
    team = _words(entry.facts["team"])
    return f"{entry.words} of {team} looks after it." if entry.words else f"It is with {team}."


def _feedback(entry: TimelineEntry, zone: ZoneInfo) -> str:
    del zone
    return "The customer says it is fixed." if entry.facts["fixed"] else "The customer says it is not fixed."


def _message_added(entry: TimelineEntry, zone: ZoneInfo) -> str:
    del zone
    if entry.facts["author"] == "customer":
        return "The customer added something."
    return "We added something." if entry.public else "A handler left a note."


def _milestone(entry: TimelineEntry, zone: ZoneInfo) -> str:
    """What was reached, with its time where we only heard of it later."""
    happened = entry.facts["occurred_at"]
    earlier = entry.at - datetime.fromisoformat(happened) >= HEARD_LATER
    return f"{MILESTONES[entry.facts['milestone']]}{f', on {_when(happened, zone)}' if earlier else ''}."


def _subject(entry: TimelineEntry) -> str:
    return str(entry.facts.get("subject", "outcome"))


def _made(entry: TimelineEntry, zone: ZoneInfo) -> str:
    return PROMISED[_subject(entry)].format(_when(entry.facts["due_at"], zone))


def _kept(entry: TimelineEntry, zone: ZoneInfo) -> str:
    del zone
    return KEPT[_subject(entry)]


def _broken(entry: TimelineEntry, zone: ZoneInfo) -> str:
    return BROKEN[_subject(entry)].format(_when(entry.facts["due_at"], zone))


def _revised(entry: TimelineEntry, zone: ZoneInfo) -> str:
    facts = entry.facts
    return (
        f"{MOVED[_subject(entry)]} moved from {_when(facts['old_due_at'], zone)} to {_when(facts['due_at'], zone)}: "
        f"{_words(facts['reason'])}."
    )


TELLERS: Final[Mapping[str, Teller]] = {
    "complaint.received": lambda e, _: f"The complaint reached us {CHANNELS[e.facts['channel']]}.",
    "complaint.message_added": _message_added,
    "complaint.progress_recorded": _progress,
    "complaint.resolved": lambda e, _: f"It was answered: {OUTCOMES[e.facts['outcome']]}.",
    "complaint.reopened": lambda *_: "It was taken up again.",
    "complaint.withdrawn": lambda *_: "The customer took it back.",
    "complaint.feedback_given": _feedback,
    "complaint.milestone_recorded": _milestone,
    "complaint.triaged": lambda e, _: f"We understand it to be about {_words(' / '.join(e.facts['category']))}.",
    "complaint.screening_requested": lambda *_: "A person looks at what it is about.",
    "complaint.assigned": _assigned,
    "complaint.escalated": lambda e, _: f"It was passed on to a higher level, {_words(e.facts['team'])}.",
    "promise.made": _made,
    "promise.revised": _revised,
    "promise.kept": _kept,
    "promise.broken": _broken,
    "message.accepted": lambda e, _: f"The customer was told: {MESSAGES[e.facts['message_kind']]}.",
    "message.failed": lambda e, _: f"A message could not be sent: {MESSAGES[e.facts['message_kind']]}.",
    "message.suppressed": lambda e, _: f"A message was held back: {MESSAGES[e.facts['message_kind']]}.",
}
