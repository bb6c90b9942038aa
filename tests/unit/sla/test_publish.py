"""Conditions of a publication, and the check of documents before they are stored."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from services.sla.rulebook.document import DOCUMENT_MAX, document_text
from services.sla.rulebook.publish import check_dry_run
from services.sla.store.drafts import RulebookDraft
from shared.errors import IllegalMove, Rejected

REPORT: dict[str, Any] = {"promises_touched": 0, "complaints": 1000, "failed": 10}
DONE: dict[str, Any] = {"status": "done", "base": 4, "mode": "rebase_open", "report": REPORT}


def draft(dry_run: dict[str, Any] | None) -> RulebookDraft:
    return RulebookDraft(UUID(int=1), 2, {}, "ann", datetime(2026, 11, 2, tzinfo=UTC), dry_run, None)


def test_a_dry_run_of_this_draft_on_the_current_revision_allows_publication() -> None:
    check_dry_run(draft(DONE), "rebase_open", 4)


@pytest.mark.parametrize(("failed", "computed"), [(0, 0), (0, 1), (1, 99), (10, 990)])
def test_a_few_failed_complaints_do_not_prevent_publication(failed: int, computed: int) -> None:
    report = {**REPORT, "failed": failed, "complaints": computed}
    check_dry_run(draft({**DONE, "report": report}), "rebase_open", 4)


@pytest.mark.parametrize(
    ("dry_run", "mode", "current", "sentence"),
    [
        (None, "rebase_open", 4, "a dry run of version 2 has to come first"),
        ({**DONE, "status": "running"}, "rebase_open", 4, "has to come first"),
        ({**DONE, "status": "interrupted"}, "rebase_open", 4, "has to come first"),
        (DONE, "rebase_open", 5, "revision 5 was published since the dry run"),
        (DONE, "new_only", 4, "the dry run was for rebase_open; make one for new_only"),
        ({**DONE, "report": {**REPORT, "promises_touched": 3}}, "rebase_open", 4, "it would touch 3 promises"),
        ({**DONE, "report": {**REPORT, "failed": 11}}, "rebase_open", 4, "11 of 1,011 open complaints could not be"),
        ({**DONE, "report": {**REPORT, "complaints": 0}}, "rebase_open", 4, "10 of 10 open complaints could not be"),
    ],
)
def test_any_other_dry_run_is_refused_with_what_to_do(dry_run: Any, mode: Any, current: int, sentence: str) -> None:
    with pytest.raises(IllegalMove, match=sentence):
        check_dry_run(draft(dry_run), mode, current)


def test_the_order_of_keys_does_not_change_the_stored_text() -> None:
    assert document_text({"policy": [], "calendar": [{"b": 1, "a": 2}]}) == document_text(
        {"calendar": [{"a": 2, "b": 1}], "policy": []}
    )


@pytest.mark.parametrize(
    ("document", "sentence"),
    [
        ([], "expected an object"),
        ({"policy": "all"}, "policy: expected a list of entries"),
        ({"calendar": [1]}, r"calendar: expected a list of entries, in TOML \[\[calendar\]\]"),
        ({"pack": [{}] * 501}, "pack: expected at most 500 entries, got 501"),
        ({"policy": [{"id": "\x00"}]}, "without control characters"),
        ({"policy": [{"id": "\ud800"}]}, "halves of surrogate pairs"),
        ({"policy": [{"id": "é" * (DOCUMENT_MAX // 2)}]}, "expected at most 1,000,000 bytes"),
    ],
)
def test_a_document_that_is_no_rulebook_or_too_large_is_refused(document: Any, sentence: str) -> None:
    with pytest.raises(Rejected, match=sentence):
        document_text(document)
