"""The doors of sla: what is promised by when and why, promises to make and move, rulebooks to rehearse and publish."""

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter

from services.sla.routes import diary, feeds, promising, reading, rulebooks
from services.sla.shelf import Shelf
from shared.described import refusals
from shared.kernel import Kernel


def routes(kernel: Kernel[Any, Any], *, shelf: Shelf, published: Callable[[], None]) -> APIRouter:
    """All of them, under /v1. `published` is called after a publication."""
    router = APIRouter(prefix="/v1", tags=["sla"], responses=refusals(400, 401, 403, 422, 503))
    router.include_router(reading.routes(kernel, shelf))
    router.include_router(promising.routes(kernel, shelf))
    router.include_router(feeds.routes(kernel, shelf))
    router.include_router(diary.routes(kernel, shelf))
    router.include_router(rulebooks.routes(kernel, shelf, published))
    return router
