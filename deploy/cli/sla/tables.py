"""Tables and sentences of the commands of `redress sla`."""

from collections.abc import Iterable, Sequence
from typing import Any

from deploy.cli import output

Json = dict[str, Any]
HOURS_SHOWN = 24
DRY_RUN_ROWS = {
    "complaints": "open complaints",
    "clocks": "open clocks",
    "earlier": "due earlier",
    "later": "due later",
    "unchanged": "unchanged",
    "started": "started",
    "dropped": "dropped",
    "breached_now": "breached at once",
    "breach_voided": "breaches that disappear",
    "rungs_now": "warnings and escalations at once",
    "other_terms": "complaints under another policy or pack",
    "promises_touched": "promises touched (must be 0)",
    "failed": "could not be computed",
}


def print_dry_run(rehearsal: Json) -> None:
    """Print the report of a dry run."""
    report: Json = rehearsal["report"]
    rows = [(name, f"{report[key]:,}") for key, name in DRY_RUN_ROWS.items()]
    output.print_table(f"Dry run, {report['mode']}, on revision {rehearsal['base']}", ("figure", "count"), rows)
    _print_examples("Complaints with the largest changes", report["examples"])
    _print_load("Clocks due per team and hour, where it would differ", report["load"])
    _print_lines(rehearsal["sentences"])


def print_back_test(rehearsal: Json) -> None:
    """Print the report of a back-test."""
    report: Json = rehearsal["report"]
    rows = [
        (row["clock"], row["policy"], row["team"], row["before"], row["after"], row["gained"], row["lost"])
        for row in report["breaches"]
    ]
    columns = ("clock", "policy or pack", "team", "breaches", "would be", "gained", "lost")
    output.print_table(f"Back-test over {report['days']} days", columns, rows)
    _print_examples("Complaints with a breach that is gained or lost", report["examples"])
    _print_load("Warnings and escalations per team and hour, where it would differ", report["load"])
    _print_lines(rehearsal["sentences"])


def print_diff(diff: Json) -> None:
    """Print the changes of a draft as sentences."""
    output.print_line(f"Against revision {diff['base']}:")
    _print_lines(diff["sentences"] or ["Nothing changes."])


def print_drafts(drafts: Sequence[Json]) -> None:
    """Print the drafts as a table."""
    rows = [
        (
            row["draft_id"],
            row["version"],
            row["actor"],
            _short(row["changed_at"]),
            row["dry_run"] or "",
            row["back_test"] or "",
        )
        for row in drafts
    ]
    output.print_table("Drafts", ("draft", "version", "by", "changed", "dry run", "back-test"), rows)


def print_revisions(revisions: Sequence[Json]) -> None:
    """Print the revisions as a table."""
    rows = [
        (row["revision"], _short(row["published_at"]), row["mode"], row["actor"], row["reason"]) for row in revisions
    ]
    output.print_table("Revisions of the rulebook", ("revision", "published", "mode", "by", "reason"), rows)


def _print_examples(title: str, examples: Sequence[Json]) -> None:
    if not examples:
        return
    rows = [
        (row["complaint_id"], row["team"], row["clock"], _short(row["old_due_at"]), _short(row["new_due_at"]))
        for row in examples[:10]
    ]
    output.print_table(title, ("complaint", "team", "clock", "due", "would be due"), rows)


def _print_load(title: str, load: Sequence[Json]) -> None:
    if not load:
        return
    farthest = sorted(load, key=lambda row: -abs(row["after"] - row["before"]))[:HOURS_SHOWN]
    rows = [
        (row["team"], _short(row["hour"]), row["before"], row["after"])
        for row in sorted(farthest, key=lambda row: (row["hour"], row["team"]))
    ]
    more = f" (the {HOURS_SHOWN} of {len(load)} that differ most)" if len(load) > HOURS_SHOWN else ""
    output.print_table(title + more, ("team", "hour (UTC)", "now", "would be"), rows)


def _short(at: str) -> str:
    return at[:16].replace("T", " ")


def _print_lines(sentences: Iterable[str]) -> None:
    for sentence in sentences:
        output.print_line(sentence)
