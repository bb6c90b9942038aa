"""HTTP endpoints of sla: clocks and promises of a complaint, reports, and the life of rulebooks."""

from collections.abc import Callable

from fastapi import APIRouter

from services.sla.routes import calendar_feed, clocks, promises, reports, rulebooks
from services.sla.store.rulebooks import RulebookRepository
from shared.http.openapi import problem_responses
from shared.runtime import Runtime


def routes(runtime: Runtime, *, repository: RulebookRepository, published: Callable[[], None]) -> APIRouter:
    """Return all endpoints, under /v1. `published` is called after a publication."""
    router = APIRouter(prefix="/v1", tags=["sla"], responses=problem_responses(400, 401, 403, 422, 503))
    for module in (clocks, promises, reports, calendar_feed):
        router.include_router(module.routes(runtime, repository))
    router.include_router(rulebooks.routes(runtime, repository, published))
    return router
