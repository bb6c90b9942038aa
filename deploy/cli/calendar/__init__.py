"""`redress calendar`: compute with calendars, check them, and list public holidays."""

from deploy.cli.calendar.commands import app

__all__ = ["app"]
