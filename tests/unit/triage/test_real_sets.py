"""Classification of real complaints: no text raises an error, every text gets a category.

The sets are not part of this repository; without them the test is skipped. Their labels belong to other taxonomies, so
no accuracy is measured: the share of `other` is reported.
"""

import gzip
import json
from collections import Counter
from pathlib import Path

import pytest

from services.triage.classifier import ComplaintText

SETS = Path(__file__).parents[4] / "shared" / "data" / "sets"
ROWS = 400  # from each set, evenly distributed
# Largest accepted share of `other`, for sets in languages and about subjects that the rulebook covers.
OTHER_MAX = {
    "cfpb_narratives": 0.2,
    "comcast_consumeraffairs": 0.2,
    "sikayetvar_tr": 0.2,
    "banking77": 0.5,
    "nyc311": 0.5,
}


def read_rows(path: Path) -> list[dict[str, object]]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        lines = file.readlines()
    return [json.loads(line) for line in lines[:: max(1, len(lines) // ROWS)]]


PATHS = sorted(SETS.glob("*.jsonl.gz")) if SETS.is_dir() else []


@pytest.mark.skipif(not PATHS, reason="the sets of real complaints are not on this machine")
@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.name.partition(".")[0])
def test_real_complaints_all_get_a_category(classifier, rules, path, record_property) -> None:
    texts = [ComplaintText(body=str(row["text"] or "")) for row in read_rows(path) if row.get("text")]
    if not texts:
        pytest.skip("a set without texts")
    results = classifier.classify(texts)
    assert all(
        result.category in rules.categories and result.language and 0 <= result.confidence <= 1 for result in results
    )
    counts = Counter(result.category for result in results)
    other, unsure = counts["other"] / len(results), sum(result.confidence < 0.45 for result in results) / len(results)
    record_property("other", round(other, 3))
    print(f"{path.name}: {len(results)} texts, other {other:.0%}, to screening {unsure:.0%}, {counts.most_common(4)}")  # noqa: T201
    name = path.name.partition(".")[0]
    assert other <= OTHER_MAX.get(name, 1.0)
