"""`redress sla …`: rulebooks from a file to in force, and back."""

from deploy.cli.sla.commands import app

__all__ = ["app"]
