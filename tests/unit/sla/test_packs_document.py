"""Tables of docs/packs.md, compared with the packs."""

import re
import tomllib
from typing import Any

from services.sla.policies import Pack, parse_rulebook, read_file
from services.sla.policies.golden import check_golden_dates
from tests.unit.sla.test_packs import CLOCKS, DAY, DOCUMENT, SHIPPED, pack_clocks

# ── the document ──────────────────────────────────────────────────────────────────────────────────────────────────────

HEAD = (
    "| Pack | Clock | Within | Counted from | Letters (lead) | Extension | In force | Verified |\n" + "|---" * 8 + "|"
)
STARTS = {"periodic_update": "receipt, then each update", "stage2": "the request for stage 2"}


def table() -> str:
    """The table of docs/packs.md, as the files have it."""
    return "\n".join([HEAD, *(row(pack, rule) for pack, rule in CLOCKS)])


def row(pack: Pack, rule: Any) -> str:
    ends = ", close of business" if rule.goal.business_days and rule.goal.ends == "close" else ""
    start = {"acknowledged": "the acknowledgement"}.get(rule.start or "") or STARTS.get(rule.kind, "receipt")
    letters = ", ".join(f"{letter.id} ({letter.lead.text})" for letter in pack.letters if letter.clock == rule.kind)
    extension = pack.extension_of(rule.kind)
    until = f" to {pack.effective_until}" if pack.effective_until else ""
    cells = (
        f"`{pack.id}`", f"`{rule.kind}`", rule.goal.text + ends, start, letters or "–",
        f"{extension.business_days} business days" if extension else "–", f"{pack.effective_from}{until}", pack.verified,
    )  # fmt: skip
    return f"| {' | '.join(cells)} |"


def sources() -> str:
    """The list of sources of docs/packs.md, as the files have it."""
    return "\n".join(
        f"- `{pack.id}`, {pack.name}: "
        + "; ".join(
            (f"[{source.title}]({source.url})" if source.url else source.title)
            + (f", {source.paragraph}" if source.paragraph else "")
            for source in pack.sources
        )
        for pack in SHIPPED
    )


def test_the_document_lists_every_clock_and_every_source_of_the_files() -> None:
    text = DOCUMENT.read_text("utf-8")
    assert table() in text, f"put this table into {DOCUMENT.name}:\n{table()}"
    assert sources() in text, f"put these sources into {DOCUMENT.name}:\n{sources()}"
    assert f"{sum(len(pack.golden) for pack in SHIPPED)} golden dates" in text
    assert "lawyer" in text


def test_the_example_of_the_document_is_a_valid_pack() -> None:
    example = re.search(r"```toml\n(.*?)```", DOCUMENT.read_text("utf-8"), re.DOTALL)
    assert example is not None
    data = read_file(None)
    for section, entries in tomllib.loads(example[1]).items():
        data[section] = [*data.get(section, []), *entries]
    rulebook = parse_rulebook(data, around=DAY)
    check_golden_dates(rulebook)
    assert pack_clocks(rulebook, product="card")
    assert not pack_clocks(rulebook)
