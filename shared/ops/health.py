"""What is sick, by name. Readiness says so; liveness belongs to the watchdog."""

from collections.abc import Collection


class Health:
    """Parts of a process and what is wrong with each, in a sentence; a part never mentioned is well."""

    def __init__(self, needed: Collection[str]) -> None:
        self._needed = frozenset(needed)
        self._sick: dict[str, str] = dict.fromkeys(needed, "starting")

    def well(self, part: str) -> None:
        """The part does its work."""
        self._sick.pop(part, None)

    def sick(self, part: str, sentence: str) -> None:
        """The part does not, because."""
        self._sick[part] = sentence

    @property
    def ready(self) -> bool:
        """Whether everything is well that this service cannot work without."""
        return not (self._needed & self._sick.keys())

    def report(self) -> dict[str, object]:
        """For `/ready`: whether, and which part is sick."""
        return {"ready": self.ready, "sick": dict(sorted(self._sick.items()))}
