"""The live table on a terminal, plain lines elsewhere."""

import time
from collections import Counter
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from deploy.demo.progress import ARROW, ComplaintProgress

AROUND = 7  # lines that the table's frame and heading need
BESIDE = 92  # columns that everything beside the journey needs


class LiveTable:
    """Shows trails as they change: those that fit, the latest first, and the sum of all."""

    def __init__(self, console: Console, *, total: int) -> None:
        self._console = console
        self._total = total
        self._changed: dict[str, tuple[float, ComplaintProgress]] = {}
        self._printed: dict[str, str] = {}
        self._live = Live(console=console, refresh_per_second=4, transient=True) if console.is_terminal else None

    def __enter__(self) -> Self:
        if self._live:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live:
            self._live.stop()

    def show(self, trail: ComplaintProgress) -> None:
        """Something became known about this complaint."""
        if self._printed.get(trail.sample) == trail.way and not trail.done:
            return
        self._printed[trail.sample] = trail.way
        self._changed[trail.sample] = (time.monotonic(), trail)
        if self._live:
            self._live.update(self._drawn())
        elif trail.done:
            self._console.print(line(trail), markup=False)

    def _drawn(self) -> Group:
        latest = sorted(self._changed.values(), key=lambda item: item[0], reverse=True)
        trails = [trail for _, trail in latest[: max(5, self._console.size.height - AROUND)]]
        told = Text(summary([trail for _, trail in latest], self._total))
        return Group(told, drawn(trails, width=self._console.size.width))


def drawn(trails: Sequence[ComplaintProgress], *, width: int) -> Table:
    """The table of these complaints, a line each, on a terminal of so many columns."""
    room = max(30, width - BESIDE)
    table = Table(header_style="bold", expand=True)
    for name in ("complaint", "language", "reference", "category", "owner", "promised by"):
        table.add_column(name, no_wrap=True)
    table.add_column("journey", ratio=1, no_wrap=True, overflow="ellipsis")
    for trail in trails:
        style = "red" if trail.problems else "green" if trail.done else ""
        cells = (trail.sample, trail.lang, trail.reference, trail.category, trail.owner, trail.promise)
        table.add_row(*cells, ending(trail.stations, room), style=style)
    return table


def line(trail: ComplaintProgress) -> str:
    """The same as one plain line."""
    facts = ", ".join(filter(None, (trail.category, trail.owner, trail.promise and f"by {trail.promise}")))
    sign = "FAILED" if trail.problems else "ok"
    return f"{sign:<6} {trail.sample:<11} {trail.lang:<8} {trail.reference}  [{facts}]  {trail.way}"


def summary(trails: Sequence[ComplaintProgress], total: int) -> str:
    """How far all of them are."""
    last = Counter(trail.stations[-1] for trail in trails if trail.stations)
    done = sum(trail.done for trail in trails)
    parts = ", ".join(f"{count} {station}" for station, count in last.most_common())
    return f"{done} of {total} done; now {parts or 'nothing yet'}"


def ending(way: Sequence[str], most: int) -> str:
    """The way in at most so many characters; where it is longer, its end, for that is the news."""
    for first in range(len(way)):
        told = ARROW.join(way[first:])
        shown = f"…{ARROW}{told}" if first else told
        if len(shown) <= most:
            return shown
    return way[-1] if way else ""
