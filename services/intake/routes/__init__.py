"""HTTP endpoints of intake: create complaints, update them, read them."""

from services.intake.routes.router import IntakeRoutes, routes

__all__ = ["IntakeRoutes", "routes"]
