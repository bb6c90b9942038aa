"""`redress sla …`: why a date and what is at risk; rulebooks from a file to in force, and back."""

from deploy.cli.sla import commands, rulebooks
from deploy.cli.sla.app import app

__all__ = ["app", "commands", "rulebooks"]
