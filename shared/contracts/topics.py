"""Table of services: their topics, and the events they publish and subscribe to.

`Merged`, `MessageDelivered` and `MessageBounced` are reserved: no service publishes them yet.
"""

from dataclasses import dataclass

from shared.contracts import events as e
from shared.contracts.envelope import Fact, Purpose


@dataclass(frozen=True, slots=True)
class Service:
    """Interface of a service on Kafka. `purposes` are the kinds of personal data that its `decide` may read."""

    name: str
    publishes: tuple[type[Fact], ...]
    subscribes: tuple[type[Fact], ...]
    purposes: frozenset[Purpose]

    @property
    def topic(self) -> str:
        """Topic that only this service writes."""
        return f"complaints.{self.name}.v1"

    @property
    def dead_topic(self) -> str:
        """Topic on which its dead letters are announced."""
        return f"complaints.{self.name}.dead.v1"

    @property
    def source(self) -> str:
        """CloudEvents `source` of the events that it publishes."""
        return f"/redress/{self.name}"

    @property
    def sources(self) -> tuple["Service", ...]:
        """Services whose events it subscribes to, in the order of the table."""
        return tuple(other for other in SERVICES if set(other.publishes) & set(self.subscribes))


INTAKE = Service(
    name="intake",
    publishes=(
        e.ComplaintReceived,
        e.MessageAdded,
        e.ProgressRecorded,
        e.Resolved,
        e.Reopened,
        e.Withdrawn,
        e.FeedbackGiven,
        e.MilestoneRecorded,
        e.Merged,
    ),
    subscribes=(
        e.Triaged,
        e.ScreeningRequested,
        e.Assigned,
        e.Escalated,
        e.PromiseMade,
        e.PromiseRevised,
        e.PromiseKept,
        e.PromiseBroken,
        e.MessageAccepted,
        e.MessageFailed,
        e.MessageSuppressed,
    ),
    purposes=frozenset({"contact", "narrative", "staff"}),
)
TRIAGE = Service(
    name="triage",
    publishes=(e.Triaged, e.ScreeningRequested, e.Assigned, e.Escalated),
    subscribes=(e.ComplaintReceived, e.Resolved, e.Reopened, e.Withdrawn, e.ClockBreached, e.ClockEscalated),
    purposes=frozenset({"narrative"}),
)
SLA = Service(
    name="sla",
    publishes=(
        e.PromiseMade,
        e.PromiseRevised,
        e.PromiseKept,
        e.PromiseBroken,
        e.PromiseAtRisk,
        e.ExtensionRequested,
        e.LetterDue,
        e.SilenceNoticed,
        e.ClockWarned,
        e.ClockEscalated,
        e.ClockBreached,
        e.ClockBreachVoided,
        e.ClockStopped,
        e.ClockCorrected,
        e.ClockRebased,
    ),
    subscribes=(
        e.ComplaintReceived,
        e.MessageAdded,
        e.ProgressRecorded,
        e.Resolved,
        e.Reopened,
        e.Withdrawn,
        e.MilestoneRecorded,
        e.Merged,
        e.Triaged,
        e.Assigned,
        e.MessageAccepted,
        e.MessageBounced,
        e.MessageFailed,
    ),
    purposes=frozenset(),
)
NOTIFY = Service(
    name="notify",
    publishes=(e.MessageAccepted, e.MessageDelivered, e.MessageBounced, e.MessageFailed, e.MessageSuppressed),
    subscribes=(
        e.ComplaintReceived,
        e.MessageAdded,
        e.ProgressRecorded,
        e.Resolved,
        e.Reopened,
        e.Withdrawn,
        e.Triaged,
        e.Assigned,
        e.PromiseMade,
        e.PromiseRevised,
        e.PromiseBroken,
        e.PromiseAtRisk,
        e.LetterDue,
        e.SilenceNoticed,
    ),
    purposes=frozenset({"contact", "narrative", "staff"}),
)

SERVICES: tuple[Service, ...] = (INTAKE, TRIAGE, SLA, NOTIFY)
FACTS: tuple[type[Fact], ...] = tuple(fact for service in SERVICES for fact in service.publishes)
