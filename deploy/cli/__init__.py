"""Command line `redress`."""

from deploy.cli.app import app

__all__ = ["app"]
