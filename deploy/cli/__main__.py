"""`python -m deploy.cli`, the same as `redress`."""

from deploy.cli.app import app

app()
