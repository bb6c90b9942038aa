"""HTTP routes of notify."""

from services.notify.routes.messages import routes

__all__ = ["routes"]
