"""The doors of sla: what is promised by when and why, promises to make and move, rulebooks to rehearse and publish."""

from typing import Any

from fastapi import APIRouter

from services.sla.routes import reading
from services.sla.shelf import Shelf
from shared.kernel import Kernel


def routes(kernel: Kernel[Any, Any], *, shelf: Shelf) -> APIRouter:
    """All of them, under /v1."""
    router = APIRouter(prefix="/v1", tags=["sla"])
    router.include_router(reading.routes(kernel, shelf))
    return router
