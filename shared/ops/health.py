"""Health of the parts of a process, for readiness. Liveness is the task of the consumer's watchdog."""

from collections.abc import Collection


class Health:
    """Parts of a process that do not work, each with the reason. A part that was never reported works.

    `needed` names the parts without which the service is not ready; they count as starting at first.
    """

    def __init__(self, needed: Collection[str]) -> None:
        self._needed = frozenset(needed)
        self._failing: dict[str, str] = dict.fromkeys(needed, "starting")

    def report_working(self, part: str) -> None:
        """Report that a part works."""
        self._failing.pop(part, None)

    def report_failing(self, part: str, reason: str) -> None:
        """Report that a part does not work. `reason` is a sentence for people."""
        self._failing[part] = reason

    @property
    def ready(self) -> bool:
        """True if all needed parts work."""
        return not (self._needed & self._failing.keys())

    def report(self) -> dict[str, object]:
        """Return the body of `/ready`: readiness, and the parts that do not work."""
        return {"ready": self.ready, "sick": dict(sorted(self._failing.items()))}
