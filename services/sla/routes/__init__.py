"""The doors of sla: what is promised by when and why, promises to make and move, rulebooks to rehearse and publish."""

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter

from services.sla.routes import calendar_feed, clocks, promises, reports, rulebooks
from services.sla.store.rulebooks import Shelf
from shared.http.openapi import refusals
from shared.runtime import Kernel


def routes(kernel: Kernel[Any, Any], *, shelf: Shelf, published: Callable[[], None]) -> APIRouter:
    """All of them, under /v1. `published` is called after a publication."""
    router = APIRouter(prefix="/v1", tags=["sla"], responses=refusals(400, 401, 403, 422, 503))
    router.include_router(clocks.routes(kernel, shelf))
    router.include_router(promises.routes(kernel, shelf))
    router.include_router(reports.routes(kernel, shelf))
    router.include_router(calendar_feed.routes(kernel, shelf))
    router.include_router(rulebooks.routes(kernel, shelf, published))
    return router
