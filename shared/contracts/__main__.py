"""`python -m shared.contracts`: write the JSON Schemas of all events, except for incompatible changes."""

import json
import sys
from pathlib import Path

from shared.contracts.asyncapi import event_schema
from shared.contracts.compatibility import find_breaking_changes
from shared.contracts.registry import EVENTS

FOLDER = Path(__file__).parent / "schemas"


def main() -> int:
    """Write the schemas that are new or compatible. Report the others on stderr and return 1."""
    FOLDER.mkdir(exist_ok=True)
    status = 0
    for fact in EVENTS:
        path, new = FOLDER / f"{fact.wire_type()}.json", event_schema(fact)
        old = json.loads(path.read_text("utf-8")) if path.exists() else new
        if changes := find_breaking_changes(old, new):
            status = 1
            sys.stderr.write(f"{fact.wire_type()}: not compatible, make it version {fact.version + 1}: {changes}\n")
            continue
        path.write_text(json.dumps(new, indent=2, sort_keys=True) + "\n", "utf-8")
    return status


if __name__ == "__main__":
    sys.exit(main())
