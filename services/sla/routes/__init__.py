"""The doors of sla: what is promised by when and why, promises to make and move, rulebooks to rehearse and publish."""

from collections.abc import Callable

from fastapi import APIRouter

from services.sla.routes import calendar_feed, clocks, promises, reports, rulebooks
from services.sla.store.rulebooks import RulebookRepository
from shared.http.openapi import problem_responses
from shared.runtime import Runtime


def routes(runtime: Runtime, *, shelf: RulebookRepository, published: Callable[[], None]) -> APIRouter:
    """All of them, under /v1. `published` is called after a publication."""
    router = APIRouter(prefix="/v1", tags=["sla"], responses=problem_responses(400, 401, 403, 422, 503))
    router.include_router(clocks.routes(runtime, shelf))
    router.include_router(promises.routes(runtime, shelf))
    router.include_router(reports.routes(runtime, shelf))
    router.include_router(calendar_feed.routes(runtime, shelf))
    router.include_router(rulebooks.routes(runtime, shelf, published))
    return router
