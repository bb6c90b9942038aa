"""`redress calendar`: compute with calendars, check them, and make their holidays."""

from deploy.cli.calendar.commands import app

__all__ = ["app"]
