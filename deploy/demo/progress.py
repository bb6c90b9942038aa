"""A complaint's way through the services, in one word a station."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

STATIONS = {
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
    """What is known of one complaint while we watch."""

    sample: str
    lang: str
    complaint_id: str = ""
    reference: str = ""
    status: str = ""
    category: str = ""
    owner: str = ""
    promise: str = ""
    stations: tuple[str, ...] = ()
    messages: tuple[str, ...] = ()
    done: bool = False
    problems: list[str] = field(default_factory=list)

    @property
    def way(self) -> str:
        """The stations as one line."""
        return ARROW.join(self.stations)

    def learn(self, record: Mapping[str, Any]) -> None:
        """Take over what the public record says."""
        self.status = str(record["status"])
        if understood := record["understood"]:
            self.category = " / ".join(understood["category"])
        if owner := record["owner"]:
            self.owner = str(owner["team"])
        if promise := record["promise"]:
            self.promise = str(promise["due_at"])[:10]


def stations(timeline: Sequence[Mapping[str, str]]) -> tuple[str, ...]:
    """The way so far: the first message acknowledges, each later one tells; neighbours are not repeated."""
    way: list[str] = []
    for line in timeline:
        if line["kind"] == "message.accepted":
            word: str | None = "told" if "acknowledged" in way else "acknowledged"
        else:
            word = STATIONS.get(line["kind"])
        if word and way[-1:] != [word]:
            way.append(word)
    return tuple(way)
