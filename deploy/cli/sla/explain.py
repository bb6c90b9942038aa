"""`redress sla explain`: why a date is what it is, now or as it was believed at an earlier moment."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from shared.errors import Misconfigured

MARKS = {"running": "runs", "paused": "stands still", "stopped": "met", "cancelled": "fell away"}


def instant(text: str | None) -> datetime | None:
    """`2026-03-03` or `2026-03-03T09:00`, UTC where no offset is given. Raises `Misconfigured`."""
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise Misconfigured(f"--as-of {text}: expected a date or a time such as 2026-03-03T09:00Z.") from None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def sentences(answer: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Heading and explanation of every clock and promise; clocks that are due first come first."""
    clocks = sorted(answer["clocks"], key=lambda one: (one["ended_at"] is not None, one["due_at"] or "9"))
    for one in clocks:
        item = f" {one['item']}" if one["item"] else ""
        pack = f"{one['pack']}/" if one["pack"] else ""
        phase = "missed" if one["breached"] else MARKS[one["phase"]]
        yield f"{pack}{one['clock']}{item}, cycle {one['cycle']} ({phase})", one["because"]
    for one in answer["promises"]:
        item = f" '{one['item']}'" if one["item"] else ""
        yield f"promise {one['promise']}, {one['subject']}{item} ({one['outcome']})", one["because"]
    for one in answer["extensions"]:
        decided = {None: "waits for approval", True: f"approved by {one['by']}", False: f"refused by {one['by']}"}
        beyond = f"until {one['expected_at']}, beyond {one['limit_at']}, because of '{one['reason']}'"
        heading = f"extension of promise {one['promise']} ({decided[one['approved']]})"
        yield heading, f"Asked for on {one['asked_at']} {beyond}."
