"""Values of one message as strings, in the language and time zone of the recipient."""

from services.notify.domain.content import Content
from services.notify.templates.localize import Localizer

Values = dict[str, str | None]


def build_values(content: Content, localizer: Localizer) -> Values:
    """Return all strings that differ between messages of a kind; None for an absent value."""
    name = content.name
    offers = {f"offer_{n}": localizer.format_redress(redress) for n, redress in enumerate(content.redress)}
    texts = _reasons(content, localizer)
    reasons = {f"reason_{n}": text for n, text in enumerate(texts)}
    return {
        "reference": content.reference,
        "greeting": localizer.sentence("greeting.named", name=name) if name else localizer.sentence("greeting.plain"),
        "subject": content.subject,
        "wish": content.expected_outcome,
        "category": localizer.label("category", content.category),
        "owner": _owner(content, localizer),
        "received": localizer.format_time(content.received_at),
        "due": localizer.format_time(content.due_at),
        "next_update": localizer.format_time(content.next_update_at),
        "action": localizer.format_time(content.action_at),
        "old_due": localizer.format_time(content.old_due_at),
        "since": localizer.format_time(content.silent_since),
        "reason": "; ".join(texts) or None,
        "letter": content.letter,
        "words": content.words,
        "state": localizer.label("state", content.progress),
        "outcome": localizer.label("outcome", content.outcome),
        **offers,
        **reasons,
    }


def _reasons(content: Content, localizer: Localizer) -> list[str]:
    """Return the texts of the reason codes, each once. If no code has a text, the general reason replaces them."""
    texts = dict.fromkeys(filter(None, (localizer.label("reason", code) for code in content.reasons)))
    return list(texts) or ([localizer.sentence("reason.other")] if content.reasons else [])


def _owner(content: Content, localizer: Localizer) -> str | None:
    """Return handler and team. A team without a title is shown by its code, with spaces."""
    team = localizer.label("team", content.team) or (content.team or "").replace("_", " ").replace("-", " ")
    if content.handler:
        return content.handler if not team or team in content.handler else f"{content.handler} ({team})"
    return team or None
