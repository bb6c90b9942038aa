"""Entry point for `python -m services.intake`."""

from services.intake.app import build
from shared.service import main

if __name__ == "__main__":
    main(build)
