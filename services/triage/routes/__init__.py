"""HTTP routes of triage."""

from services.triage.routes.cases import routes

__all__ = ["routes"]
