"""`redress sla explain`: explanation of each date of a complaint, now or as known at an earlier time."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from shared.errors import Misconfigured

PHASES = {"running": "running", "paused": "paused", "stopped": "met", "cancelled": "cancelled"}


def parse_as_of(text: str | None) -> datetime | None:
    """Parse `2026-03-03` or `2026-03-03T09:00`, in UTC if it has no offset. Raises `Misconfigured`."""
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise Misconfigured(f"--as-of {text}: expected a date or a time such as 2026-03-03T09:00Z.") from None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def explanations(answer: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield heading and explanation of each clock, promise and extension; open clocks first, by their due time."""
    clocks = sorted(answer["clocks"], key=lambda clock: (clock["ended_at"] is not None, clock["due_at"] or "9"))
    for clock in clocks:
        item = f" {clock['item']}" if clock["item"] else ""
        pack = f"{clock['pack']}/" if clock["pack"] else ""
        phase = "missed" if clock["breached"] else PHASES[clock["phase"]]
        yield f"{pack}{clock['clock']}{item}, cycle {clock['cycle']} ({phase})", clock["because"]
    for promise in answer["promises"]:
        item = f" '{promise['item']}'" if promise["item"] else ""
        yield f"promise {promise['promise']}, {promise['subject']}{item} ({promise['outcome']})", promise["because"]
    for extension in answer["extensions"]:
        by = extension["by"]
        status = {None: "waits for approval", True: f"approved by {by}", False: f"refused by {by}"}
        heading = f"extension of promise {extension['promise']} ({status[extension['approved']]})"
        dates = f"to {extension['expected_at']}, later than the limit {extension['limit_at']}"
        yield heading, f"Requested on {extension['asked_at']}: {dates}, because of '{extension['reason']}'."
