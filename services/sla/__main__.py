"""Entry point for `python -m services.sla`."""

from services.sla.app import build
from shared.service import main

if __name__ == "__main__":
    main(build)
