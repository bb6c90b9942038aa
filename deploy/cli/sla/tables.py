"""Reports as tables and sentences."""

from collections.abc import Iterable, Sequence
from typing import Any

from deploy.cli import output

Json = dict[str, Any]
HOURS_SHOWN = 24
FIGURES = {
    "complaints": "open complaints",
    "clocks": "open clocks",
    "earlier": "due earlier",
    "later": "due later",
    "unchanged": "unchanged",
    "started": "begin",
    "dropped": "dropped",
    "breached_now": "breached at once",
    "breach_voided": "breaches that disappear",
    "rungs_now": "warn or escalate at once",
    "other_terms": "complaints under another policy or pack",
    "promises_touched": "promises touched (must be 0)",
    "failed": "could not be computed",
}


def tell_dry_run(told: Json) -> None:
    """What a publication would move."""
    report: Json = told["report"]
    rows = [(name, f"{report[key]:,}") for key, name in FIGURES.items()]
    output.print_table(f"Dry run, {report['mode']}, on revision {told['base']}", ("what", "how many"), rows)
    _tell_examples("The complaints that would move most", report["examples"])
    _tell_load("Clocks due per team and hour, where it would differ", report["load"])
    _say(told["sentences"])


def tell_back_test(told: Json) -> None:
    """What would have happened."""
    report: Json = told["report"]
    rows = [
        (one["clock"], one["policy"], one["team"], one["before"], one["after"], one["gained"], one["lost"])
        for one in report["breaches"]
    ]
    columns = ("clock", "policy or pack", "team", "breaches", "would be", "more", "fewer")
    output.print_table(f"Back-test over {report['days']} days", columns, rows)
    _tell_examples("The complaints whose breach would come or go", report["examples"])
    _tell_load("Warnings and escalations per team and hour, where it would differ", report["load"])
    _say(told["sentences"])


def tell_diff(diff: Json) -> None:
    """What a draft changes."""
    output.print_line(f"Against revision {diff['base']}:")
    _say(diff["sentences"] or ["Nothing changes."])


def tell_drafts(drafts: Sequence[Json]) -> None:
    """All of them."""
    rows = [
        (
            one["draft_id"],
            one["version"],
            one["actor"],
            _short(one["changed_at"]),
            one["dry_run"] or "",
            one["back_test"] or "",
        )
        for one in drafts
    ]
    output.print_table("Drafts", ("draft", "version", "by", "changed", "dry run", "back-test"), rows)


def tell_revisions(revisions: Sequence[Json]) -> None:
    """All of them, the newest first."""
    rows = [
        (one["revision"], _short(one["published_at"]), one["mode"], one["actor"], one["reason"]) for one in revisions
    ]
    output.print_table("Revisions of the rulebook", ("revision", "published", "mode", "by", "reason"), rows)


def _tell_examples(title: str, examples: Sequence[Json]) -> None:
    if not examples:
        return
    rows = [
        (one["complaint_id"], one["team"], one["clock"], _short(one["old_due_at"]), _short(one["new_due_at"]))
        for one in examples[:10]
    ]
    output.print_table(title, ("complaint", "team", "clock", "due", "would be due"), rows)


def _tell_load(title: str, load: Sequence[Json]) -> None:
    if not load:
        return
    farthest = sorted(load, key=lambda one: -abs(one["after"] - one["before"]))[:HOURS_SHOWN]
    rows = [
        (one["team"], _short(one["hour"]), one["before"], one["after"])
        for one in sorted(farthest, key=lambda one: (one["hour"], one["team"]))
    ]
    more = f" (the {HOURS_SHOWN} of {len(load)} that differ most)" if len(load) > HOURS_SHOWN else ""
    output.print_table(title + more, ("team", "hour (UTC)", "as it is", "would be"), rows)


def _short(at: str) -> str:
    return at[:16].replace("T", " ")


def _say(sentences: Iterable[str]) -> None:
    for sentence in sentences:
        output.print_line(sentence)
