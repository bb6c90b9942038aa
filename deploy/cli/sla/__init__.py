"""`redress sla`: explain dates, list what is at risk, audit stored states, draft and publish rulebooks."""

from deploy.cli.sla import commands, rulebooks
from deploy.cli.sla.app import app

__all__ = ["app", "commands", "rulebooks"]
