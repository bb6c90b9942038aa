"""Progress of a complaint through the services, one word per step."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

STEP_NAMES = {
    "complaint.received": "received",
    "complaint.triaged": "triaged",
    "complaint.screening_requested": "screened",
    "complaint.assigned": "assigned",
    "complaint.escalated": "escalated",
    "promise.made": "promised",
    "promise.revised": "re-promised",
    "complaint.progress_recorded": "progress",
    "complaint.message_added": "message",
    "complaint.resolved": "resolved",
    "complaint.reopened": "reopened",
    "complaint.withdrawn": "withdrawn",
}
ARROW = " → "


@dataclass(slots=True)
class ComplaintProgress:
    """Current data of one complaint in the demo."""

    sample: str
    lang: str
    complaint_id: str = ""
    reference: str = ""
    status: str = ""
    category: str = ""
    owner: str = ""
    promise: str = ""
    steps: tuple[str, ...] = ()
    messages: tuple[str, ...] = ()
    done: bool = False
    problems: list[str] = field(default_factory=list)

    @property
    def path(self) -> str:
        """Steps as one line."""
        return ARROW.join(self.steps)

    def update(self, record: Mapping[str, Any]) -> None:
        """Copy the data of the public record."""
        self.status = str(record["status"])
        if understood := record["understood"]:
            self.category = " / ".join(understood["category"])
        if owner := record["owner"]:
            self.owner = str(owner["team"])
        if promise := record["promise"]:
            self.promise = str(promise["due_at"])[:10]


def parse_steps(timeline: Sequence[Mapping[str, str]]) -> tuple[str, ...]:
    """Return the steps of a timeline. The first message is the acknowledgement; repeated neighbours are dropped."""
    steps: list[str] = []
    for line in timeline:
        if line["kind"] == "message.accepted":
            word: str | None = "told" if "acknowledged" in steps else "acknowledged"
        else:
            word = STEP_NAMES.get(line["kind"])
        if word and steps[-1:] != [word]:
            steps.append(word)
    return tuple(steps)
