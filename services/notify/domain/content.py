"""What a message may say, and what each kind must say.

The rules come from complaint-handling practice: an acknowledgement repeats what was understood, a delay owns up and
names the old date, an answer names its outcome. A message that cannot do that is refused, not sent half empty.
"""

from typing import Final

from pydantic import AwareDatetime, Field

from shared.contracts.envelope import Frozen
from shared.contracts.events import MessageKind, Outcome, ProgressState, Redress

REQUIRED: Final[dict[MessageKind, tuple[str, ...]]] = {
    "acknowledgement": ("reference", "received_at"),
    "progress": ("reference", "words"),
    "promise_moved": ("reference", "due_at"),
    "delay": ("reference", "old_due_at"),
    "handler_changed": ("reference", "team"),
    "resolution": ("reference", "outcome", "words"),
    "reopened": ("reference",),
    "withdrawn": ("reference",),
}

# Told whatever happens; sent again when the fate of an attempt is unknown.
MANDATORY: Final[frozenset[MessageKind]] = frozenset(
    {"acknowledgement", "promise_moved", "delay", "resolution", "reopened", "withdrawn"}
)


class Content(Frozen):
    """Everything a template may use. Instants are aware; the renderer turns them into the recipient's own time."""

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
    old_due_at: AwareDatetime | None = None
    reason: str | None = None
    words: str | None = Field(default=None, repr=False)
    progress: ProgressState | None = None
    outcome: Outcome | None = None
    redress: tuple[Redress, ...] = ()


def missing(kind: MessageKind, content: Content) -> tuple[str, ...]:
    """The fields without which a message of this kind must not leave, as far as they are absent or blank."""
    return tuple(name for name in REQUIRED[kind] if _is_blank(getattr(content, name)))


def _is_blank(value: object) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())
