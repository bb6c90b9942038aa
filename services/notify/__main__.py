"""Entry point for `python -m services.notify`."""

from services.notify.app import build
from shared.service import main

main(build)
