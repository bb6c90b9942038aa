"""The timeline in plain sentences. Made when somebody reads, so that better words also reach old complaints.

They acknowledge and inform; they never blame, and severity, signals and internal reasons have no place in them.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from services.intake.domain.states import Entry

Facts = Mapping[str, Any]
Teller = Callable[[Entry, ZoneInfo], str]

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
MESSAGES: Final = {
    "acknowledgement": "the confirmation that we have the complaint",
    "progress": "how far we are",
    "promise_moved": "the new date",
    "delay": "that it takes longer",
    "handler_changed": "who looks after it now",
    "resolution": "our answer",
    "reopened": "that we look at it again",
    "withdrawn": "that we closed it as asked",
}


def sentence(entry: Entry, zone: str | None) -> str:
    """One line for people, with times in the customer's zone where it is known."""
    teller = TELLERS.get(entry.kind)
    return teller(entry, ZoneInfo(zone or "UTC")) if teller else f"{entry.kind.replace('.', ' ').replace('_', ' ')}."


def _when(moment: str, zone: ZoneInfo) -> str:
    local = datetime.fromisoformat(moment).astimezone(zone)
    return f"{local.day} {local:%B %Y, %H:%M} ({zone.key})"


def _words(code: str) -> str:
    return code.replace("_", " ")


def _progress(entry: Entry, zone: ZoneInfo) -> str:
    facts = entry.facts
    expected = facts.get("expected_at")
    later = f"; an outcome is now expected by {_when(expected, zone)}" if expected else ""
    return f"{PROGRESS[facts['state']]}{later}."


def _assigned(entry: Entry, zone: ZoneInfo) -> str:
    del zone
    team = _words(entry.facts["team"])
    return f"{entry.words} of {team} looks after it." if entry.words else f"It is with {team}."


def _feedback(entry: Entry, zone: ZoneInfo) -> str:
    del zone
    return "The customer says it is fixed." if entry.facts["fixed"] else "The customer says it is not fixed."


def _message_added(entry: Entry, zone: ZoneInfo) -> str:
    del zone
    if entry.facts["author"] == "customer":
        return "The customer added something."
    return "We added something." if entry.public else "A handler left a note."


def _revised(entry: Entry, zone: ZoneInfo) -> str:
    facts = entry.facts
    return (
        f"The promised date moved from {_when(facts['old_due_at'], zone)} to {_when(facts['due_at'], zone)}: "
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
    "complaint.triaged": lambda e, _: f"We understand it to be about {_words(' / '.join(e.facts['category']))}.",
    "complaint.screening_requested": lambda *_: "A person looks at what it is about.",
    "complaint.assigned": _assigned,
    "complaint.escalated": lambda e, _: f"It was passed on to a higher level, {_words(e.facts['team'])}.",
    "promise.made": lambda e, zone: f"An answer is promised by {_when(e.facts['due_at'], zone)}.",
    "promise.revised": _revised,
    "promise.kept": lambda *_: "The promised date was kept.",
    "promise.broken": lambda e, zone: f"The promised date, {_when(e.facts['due_at'], zone)}, passed without an answer.",
    "message.accepted": lambda e, _: f"The customer was told: {MESSAGES[e.facts['message_kind']]}.",
    "message.failed": lambda e, _: f"A message could not be sent: {MESSAGES[e.facts['message_kind']]}.",
    "message.suppressed": lambda e, _: f"A message was held back: {MESSAGES[e.facts['message_kind']]}.",
}
