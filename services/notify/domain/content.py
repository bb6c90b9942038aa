"""Content of messages, and the fields that each kind requires.

The rules come from complaint-handling practice: an acknowledgement repeats how the complaint was understood, an apology
for a delay names the old date, an answer names its outcome. A message without a required field is rejected instead of
sent with a gap.
"""

from typing import Final

from pydantic import AwareDatetime, Field

from shared.contracts.envelope import FrozenModel
from shared.contracts.events import MessageKind, Outcome, ProgressState, PromiseSubject, Redress

REQUIRED: Final[dict[MessageKind, tuple[str, ...]]] = {
    "acknowledgement": ("reference", "received_at"),
    "progress": ("reference",),
    "promise_moved": ("reference", "due_at"),
    "delay": ("reference", "old_due_at"),
    "holding": ("reference",),
    "handler_changed": ("reference", "team"),
    "resolution": ("reference", "outcome", "words"),
    "reopened": ("reference",),
    "withdrawn": ("reference",),
}

# Kinds that are sent for several reasons: one of these fields is required. The template uses the first that is set.
ONE_OF: Final[dict[MessageKind, tuple[str, ...]]] = {
    "progress": ("words", "silent_since", "action_at", "next_update_at"),
    "holding": ("letter", "old_due_at"),
}

# Messages that the customer must receive. They are sent again after an uncertain attempt.
MANDATORY: Final[frozenset[MessageKind]] = frozenset(
    {"acknowledgement", "promise_moved", "delay", "holding", "resolution", "reopened", "withdrawn"}
)


class Content(FrozenModel):
    """Values that templates can use. Times are aware; the renderer converts them to the time zone of the recipient.

    `due_at` is the date of the answer; `next_update_at` and `action_at` are the other dates that a message can state;
    `old_due_at` is the date of `about` that is over, moved or at risk. `letter` is `pack:letter` if a regulator's rule
    requires the message.
    """

    reference: str
    received_at: AwareDatetime
    name: str | None = Field(default=None, repr=False)
    timezone: str | None = None
    subject: str | None = Field(default=None, repr=False)
    expected_outcome: str | None = Field(default=None, repr=False)
    category: tuple[str, ...] = ()
    team: str | None = None
    handler: str | None = Field(default=None, repr=False)
    due_at: AwareDatetime | None = None
    next_update_at: AwareDatetime | None = None
    action_at: AwareDatetime | None = None
    old_due_at: AwareDatetime | None = None
    about: PromiseSubject = "outcome"
    reasons: tuple[str, ...] = ()
    words: str | None = Field(default=None, repr=False)
    progress: ProgressState | None = None
    silent_since: AwareDatetime | None = None
    letter: str | None = None
    recourse: bool = False  # True if the message names the right to go to the ombudsman
    repeats: bool = False  # True if the message repeats how the complaint was understood
    outcome: Outcome | None = None
    redress: tuple[Redress, ...] = ()


def missing_fields(kind: MessageKind, content: Content) -> tuple[str, ...]:
    """Return the required fields of this kind of message that are absent or blank."""
    absent = tuple(name for name in REQUIRED[kind] if _is_blank(getattr(content, name)))
    choice = ONE_OF.get(kind, ())
    if choice and all(_is_blank(getattr(content, name)) for name in choice):
        return (*absent, f"one of {', '.join(choice)}")
    return absent


def _is_blank(value: object) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())
