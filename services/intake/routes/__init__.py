"""The doors of intake: what is filed, what is stated later, and what can be read."""

from services.intake.routes.doors import Doors

__all__ = ["Doors"]
