"""Sentences of the timeline, in plain English. They are formatted on reading, so improved texts also reach old entries.

The sentences acknowledge and inform; they never blame, and contain no severity, signals or internal reasons.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from services.intake.domain.state import TimelineEntry

Facts = Mapping[str, Any]
SentenceFormatter = Callable[[TimelineEntry, ZoneInfo], str]

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
# By the subject of the promise: the answer, the next message from the organisation, or an agreed action.
PROMISE_MADE: Final = {
    "outcome": "An answer is promised by {}.",
    "next_update": "We will write again by {}.",
    "action": "What was agreed is to be done by {}.",
}
PROMISE_MOVED: Final = {
    "outcome": "The promised date",
    "next_update": "The date by which we write again",
    "action": "The date for what was agreed",
}
PROMISE_KEPT: Final = {
    "outcome": "The promised date was kept.",
    "next_update": "We wrote by the date we had named.",
    "action": "What was agreed was done by the date we had named.",
}
PROMISE_BROKEN: Final = {
    "outcome": "The promised date, {}, passed without an answer.",
    "next_update": "We had said that we would write by {}, and did not.",
    "action": "What was agreed was to be done by {}, and was not.",
}
DELAY_SHOWN: Final = timedelta(minutes=1)  # a milestone recorded later than that is shown with its own time


def format_sentence(entry: TimelineEntry, zone: str | None) -> str:
    """Return the sentence of an entry, with times in the customer's time zone if it is known, else in UTC."""
    formatter = SENTENCES.get(entry.kind)
    return (
        formatter(entry, ZoneInfo(zone or "UTC")) if formatter else f"{entry.kind.replace('.', ' ').replace('_', ' ')}."
    )


def _format_time(moment: str, zone: ZoneInfo) -> str:
    local = datetime.fromisoformat(moment).astimezone(zone)
    return f"{local.day} {local:%B %Y, %H:%M} ({zone.key})"


def _spell_out(code: str) -> str:
    return code.replace("_", " ")


def _format_progress(entry: TimelineEntry, zone: ZoneInfo) -> str:
    facts = entry.facts
    expected = facts.get("expected_at")
    later = f"; an outcome is now expected by {_format_time(expected, zone)}" if expected else ""
    return f"{PROGRESS[facts['state']]}{later}."


def _format_assigned(entry: TimelineEntry, zone: ZoneInfo) -> str:
    del zone
    team = _spell_out(entry.facts["team"])
    return f"{entry.words} of {team} looks after it." if entry.words else f"It is with {team}."


def _format_feedback(entry: TimelineEntry, zone: ZoneInfo) -> str:
    del zone
    return "The customer says it is fixed." if entry.facts["fixed"] else "The customer says it is not fixed."


def _format_message_added(entry: TimelineEntry, zone: ZoneInfo) -> str:
    del zone
    if entry.facts["author"] == "customer":
        return "The customer added something."
    return "We added something." if entry.public else "A handler left a note."


def _format_milestone(entry: TimelineEntry, zone: ZoneInfo) -> str:
    """Sentence of a milestone, with its own time if it was recorded later."""
    occurred_at = entry.facts["occurred_at"]
    earlier = entry.at - datetime.fromisoformat(occurred_at) >= DELAY_SHOWN
    return f"{MILESTONES[entry.facts['milestone']]}{f', on {_format_time(occurred_at, zone)}' if earlier else ''}."


def _subject(entry: TimelineEntry) -> str:
    return str(entry.facts.get("subject", "outcome"))


def _format_promise_made(entry: TimelineEntry, zone: ZoneInfo) -> str:
    return PROMISE_MADE[_subject(entry)].format(_format_time(entry.facts["due_at"], zone))


def _format_promise_kept(entry: TimelineEntry, zone: ZoneInfo) -> str:
    del zone
    return PROMISE_KEPT[_subject(entry)]


def _format_promise_broken(entry: TimelineEntry, zone: ZoneInfo) -> str:
    return PROMISE_BROKEN[_subject(entry)].format(_format_time(entry.facts["due_at"], zone))


def _format_promise_revised(entry: TimelineEntry, zone: ZoneInfo) -> str:
    facts = entry.facts
    old, new = _format_time(facts["old_due_at"], zone), _format_time(facts["due_at"], zone)
    return f"{PROMISE_MOVED[_subject(entry)]} moved from {old} to {new}: {_spell_out(facts['reason'])}."


SENTENCES: Final[Mapping[str, SentenceFormatter]] = {
    "complaint.received": lambda e, _: f"The complaint reached us {CHANNELS[e.facts['channel']]}.",
    "complaint.message_added": _format_message_added,
    "complaint.progress_recorded": _format_progress,
    "complaint.resolved": lambda e, _: f"It was answered: {OUTCOMES[e.facts['outcome']]}.",
    "complaint.reopened": lambda *_: "It was taken up again.",
    "complaint.withdrawn": lambda *_: "The customer took it back.",
    "complaint.feedback_given": _format_feedback,
    "complaint.milestone_recorded": _format_milestone,
    "complaint.triaged": lambda e, _: f"We understand it to be about {_spell_out(' / '.join(e.facts['category']))}.",
    "complaint.screening_requested": lambda *_: "A person looks at what it is about.",
    "complaint.assigned": _format_assigned,
    "complaint.escalated": lambda e, _: f"It was passed on to a higher level, {_spell_out(e.facts['team'])}.",
    "promise.made": _format_promise_made,
    "promise.revised": _format_promise_revised,
    "promise.kept": _format_promise_kept,
    "promise.broken": _format_promise_broken,
    "message.accepted": lambda e, _: f"The customer was told: {MESSAGES[e.facts['message_kind']]}.",
    "message.failed": lambda e, _: f"A message could not be sent: {MESSAGES[e.facts['message_kind']]}.",
    "message.suppressed": lambda e, _: f"A message was held back: {MESSAGES[e.facts['message_kind']]}.",
}
