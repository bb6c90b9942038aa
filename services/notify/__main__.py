"""Entry point of `python -m services.notify`."""

from services.notify.app import build
from shared.service import main

if __name__ == "__main__":
    main(build)
