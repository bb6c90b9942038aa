"""The strings of one letter: what differs from recipient to recipient, in their language and their time."""

from services.notify.domain.content import Content
from services.notify.templates.localize import Localizer

Values = dict[str, str | None]


def build_values(content: Content, speech: Localizer) -> Values:
    """Every string that differs from letter to letter; None where there is nothing to say."""
    name = content.name
    offers = {f"offer_{n}": speech.offer(redress) for n, redress in enumerate(content.redress)}
    named = _reasons(content, speech)
    reasons = {f"reason_{n}": reason for n, reason in enumerate(named)}
    return {
        "reference": content.reference,
        "greeting": speech.say("greeting.named", name=name) if name else speech.say("greeting.plain"),
        "subject": content.subject,
        "wish": content.expected_outcome,
        "category": speech.label("category", content.category),
        "owner": _owner(content, speech),
        "received": speech.moment(content.received_at),
        "due": speech.moment(content.due_at),
        "next_update": speech.moment(content.next_update_at),
        "action": speech.moment(content.action_at),
        "old_due": speech.moment(content.old_due_at),
        "since": speech.moment(content.silent_since),
        "reason": "; ".join(named) or None,
        "letter": content.letter,
        "words": content.words,
        "state": speech.label("state", content.progress),
        "outcome": speech.label("outcome", content.outcome),
        **offers,
        **reasons,
    }


def _reasons(content: Content, speech: Localizer) -> list[str]:
    """The reasons that we have words for, each once; where there are only others, that we need more time."""
    known = dict.fromkeys(filter(None, (speech.label("reason", code) for code in content.reasons)))
    return list(known) or ([speech.say("reason.other")] if content.reasons else [])


def _owner(content: Content, speech: Localizer) -> str | None:
    """The handler and their team; a team known only by a code is shown as words."""
    team = speech.label("team", content.team) or (content.team or "").replace("_", " ").replace("-", " ")
    if content.handler:
        return content.handler if not team or team in content.handler else f"{content.handler} ({team})"
    return team or None
