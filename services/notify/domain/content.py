"""What a message may say, and what each kind must say.

The rules come from complaint-handling practice: an acknowledgement repeats what was understood, a delay owns up and
names the old date, an answer names its outcome. A message that cannot do that is refused, not sent half empty.
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

# What a kind is about differs from case to case; one of these must be there, and the first that is there counts.
ONE_OF: Final[dict[MessageKind, tuple[str, ...]]] = {
    "progress": ("words", "silent_since", "action_at", "next_update_at"),
    "holding": ("letter", "old_due_at"),
}

# Told whatever happens; sent again when the fate of an attempt is unknown.
MANDATORY: Final[frozenset[MessageKind]] = frozenset(
    {"acknowledgement", "promise_moved", "delay", "holding", "resolution", "reopened", "withdrawn"}
)


class Content(FrozenModel):
    """Everything a template may use. Instants are aware; the renderer turns them into the recipient's own time.

    `due_at` is the date of the answer, `next_update_at` and `action_at` are the other dates we name; `old_due_at` is
    the date of `about` that is over, moved or at risk. `letter` is `pack:letter` where a regulator's rule asks for it.
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
    recourse: bool = False  # whether it tells of the right to go to the ombudsman
    repeats: bool = False  # whether it says again how we understood the complaint
    outcome: Outcome | None = None
    redress: tuple[Redress, ...] = ()


def missing_fields(kind: MessageKind, content: Content) -> tuple[str, ...]:
    """The fields without which a message of this kind must not leave, as far as they are absent or blank."""
    absent = tuple(name for name in REQUIRED[kind] if _is_blank(getattr(content, name)))
    choice = ONE_OF.get(kind, ())
    if choice and all(_is_blank(getattr(content, name)) for name in choice):
        return (*absent, f"one of {', '.join(choice)}")
    return absent


def _is_blank(value: object) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())
