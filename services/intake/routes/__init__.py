"""The doors of intake: what is filed, what is stated later, and what can be read."""

from services.intake.routes.router import IntakeRoutes

__all__ = ["IntakeRoutes"]
