"""Rows become lines to send; a row that cannot become one is answered for at once."""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from deploy.cli.submit.keys import key_of
from deploy.cli.submit.mapping import Plan, apply
from deploy.cli.submit.results import RowResult, SubmitLine
from deploy.cli.submit.rows import BadRow, SourceRow
from shared.errors import Rejected


@dataclass(frozen=True, slots=True)
class Order:
    """What the person asked for: the plan, the key column (None: the whole row), and from which line on."""

    plan: Plan
    secret: bytes
    column: str | None = None
    from_line: int = 1


def to_lines(
    rows: Iterable[SourceRow | BadRow], order: Order, *, bad: Callable[[RowResult], None], cleaned: Callable[[], None]
) -> Iterator[SubmitLine]:
    """Lines in the order of the rows."""
    for row in rows:
        if row.line < order.from_line:
            continue
        if isinstance(row, BadRow):
            bad(RowResult(row.line, "unreadable", reason=row.reason))
            continue
        try:
            yield _line(row, order, cleaned)
        except Rejected as error:
            bad(RowResult(row.line, "unreadable", reason=error.detail))


def _line(row: SourceRow, order: Order, cleaned: Callable[[], None]) -> SubmitLine:
    mapped = apply(order.plan, row)
    if mapped.cleaned:
        cleaned()
    form = {**mapped.form, "idempotency_key": key_of(row, order.secret, column=order.column)}
    return SubmitLine(row.line, json.dumps(form, ensure_ascii=False).encode("utf-8", "replace"))
