"""Live table of the demo on a terminal, plain lines elsewhere."""

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

FRAME_LINES = 7  # lines of the table's frame and heading
OTHER_COLUMNS_WIDTH = 92  # width of all columns except the steps


class LiveTable:
    """Table of the complaints: the latest changed first, as many as fit, and a summary of all."""

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

    def show(self, complaint: ComplaintProgress) -> None:
        """Show the changed complaint."""
        if self._printed.get(complaint.sample) == complaint.path and not complaint.done:
            return
        self._printed[complaint.sample] = complaint.path
        self._changed[complaint.sample] = (time.monotonic(), complaint)
        if self._live:
            self._live.update(self._build_view())
        elif complaint.done:
            self._console.print(format_line(complaint), markup=False)

    def _build_view(self) -> Group:
        latest = sorted(self._changed.values(), key=lambda item: item[0], reverse=True)
        complaints = [complaint for _, complaint in latest[: max(5, self._console.size.height - FRAME_LINES)]]
        heading = Text(format_summary([complaint for _, complaint in latest], self._total))
        return Group(heading, build_table(complaints, width=self._console.size.width))


def build_table(complaints: Sequence[ComplaintProgress], *, width: int) -> Table:
    """Build the table of these complaints, one row each, for a terminal of this width."""
    steps_width = max(30, width - OTHER_COLUMNS_WIDTH)
    table = Table(header_style="bold", expand=True)
    for name in ("complaint", "language", "reference", "category", "owner", "promised by"):
        table.add_column(name, no_wrap=True)
    table.add_column("steps", ratio=1, no_wrap=True, overflow="ellipsis")
    for complaint in complaints:
        style = "red" if complaint.problems else "green" if complaint.done else ""
        cells = (
            complaint.sample,
            complaint.lang,
            complaint.reference,
            complaint.category,
            complaint.owner,
            complaint.promise,
        )
        table.add_row(*cells, shorten_steps(complaint.steps, steps_width), style=style)
    return table


def format_line(complaint: ComplaintProgress) -> str:
    """Format a complaint as one plain line."""
    facts = ", ".join(
        filter(None, (complaint.category, complaint.owner, complaint.promise and f"by {complaint.promise}"))
    )
    sign = "FAILED" if complaint.problems else "ok"
    return f"{sign:<6} {complaint.sample:<11} {complaint.lang:<8} {complaint.reference}  [{facts}]  {complaint.path}"


def format_summary(complaints: Sequence[ComplaintProgress], total: int) -> str:
    """Count the finished complaints, and all complaints by their last step."""
    last = Counter(complaint.steps[-1] for complaint in complaints if complaint.steps)
    done = sum(complaint.done for complaint in complaints)
    parts = ", ".join(f"{count} {station}" for station, count in last.most_common())
    return f"{done} of {total} done; now {parts or 'nothing yet'}"


def shorten_steps(steps: Sequence[str], max_length: int) -> str:
    """Join the steps in at most `max_length` characters; if they are longer, only the last ones."""
    for first in range(len(steps)):
        text = ARROW.join(steps[first:])
        shortened = f"…{ARROW}{text}" if first else text
        if len(shortened) <= max_length:
            return shortened
    return steps[-1] if steps else ""
