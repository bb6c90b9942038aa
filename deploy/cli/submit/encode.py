"""Encode rows as lines of a batch request; a row that cannot be encoded is rejected at once."""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from deploy.cli.submit.keys import compute_key
from deploy.cli.submit.mapping import MappingPlan, map_row
from deploy.cli.submit.results import RowResult, SubmitLine
from deploy.cli.submit.rows import BadRow, SourceRow
from shared.errors import Rejected


@dataclass(frozen=True, slots=True)
class SubmitOptions:
    """Options of a submission: mapping plan, secret of the keys, key column (None: the whole row), first line."""

    plan: MappingPlan
    secret: bytes
    column: str | None = None
    from_line: int = 1


def encode_rows(
    rows: Iterable[SourceRow | BadRow],
    options: SubmitOptions,
    *,
    reject: Callable[[RowResult], None],
    count_cleaned: Callable[[], None],
) -> Iterator[SubmitLine]:
    """Encode the rows as lines, in their order. `reject` gets each row that cannot be encoded."""
    for row in rows:
        if row.line < options.from_line:
            continue
        if isinstance(row, BadRow):
            reject(RowResult(row.line, "unreadable", reason=row.reason))
            continue
        try:
            yield _encode_row(row, options, count_cleaned)
        except Rejected as error:
            reject(RowResult(row.line, "unreadable", reason=error.detail))


def _encode_row(row: SourceRow, options: SubmitOptions, count_cleaned: Callable[[], None]) -> SubmitLine:
    mapped = map_row(options.plan, row)
    if mapped.cleaned:
        count_cleaned()
    form = {**mapped.form, "idempotency_key": compute_key(row, options.secret, column=options.column)}
    return SubmitLine(row.line, json.dumps(form, ensure_ascii=False).encode("utf-8", "replace"))
