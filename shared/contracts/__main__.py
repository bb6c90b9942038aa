"""`python -m shared.contracts`: write the JSON Schemas of all events; refuses a change that needs a new version."""

import json
import sys
from pathlib import Path

from shared.contracts.asyncapi import schema
from shared.contracts.compatibility import breaks
from shared.contracts.registry import EVENTS

FOLDER = Path(__file__).parent / "schemas"


def main() -> int:
    """Write what is new or compatible; say what is not, and exit 1."""
    FOLDER.mkdir(exist_ok=True)
    refused = 0
    for fact in EVENTS:
        path, new = FOLDER / f"{fact.wire_type()}.json", schema(fact)
        old = json.loads(path.read_text("utf-8")) if path.exists() else new
        if found := breaks(old, new):
            refused = 1
            sys.stderr.write(f"{fact.wire_type()}: not compatible, make it version {fact.version + 1}: {found}\n")
            continue
        path.write_text(json.dumps(new, indent=2, sort_keys=True) + "\n", "utf-8")
    return refused


if __name__ == "__main__":
    sys.exit(main())
