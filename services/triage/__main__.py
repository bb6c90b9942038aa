"""Entry point for `python -m services.triage`."""

from services.triage.app import build
from shared.service import main

if __name__ == "__main__":
    main(build)
