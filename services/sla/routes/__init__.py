"""The doors of sla: what is promised by when, and why; the policies and calendars behind it. Reading only."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Path
from fastapi.security import HTTPBearer

from services.sla.domain import ledger
from services.sla.policies import Rulebook
from services.sla.routes import answers
from services.sla.store import look
from shared.contracts.envelope import ComplaintId
from shared.errors import NotFound
from shared.kernel import Kernel

READ = "complaints:read"
Complaint = Annotated[UUID, Path(description="The complaint's id.")]


def routes(kernel: Kernel[Any, Any], *, rulebook: Rulebook) -> APIRouter:
    """All of them need the scope complaints:read."""
    known = [Depends(kernel.require(READ)), Depends(HTTPBearer(auto_error=False))]
    router = APIRouter(prefix="/v1", tags=["sla"], dependencies=known)

    @router.get("/complaints/{complaint_id}/clocks", summary="By when, and why: every clock and promise of a complaint")
    async def clocks(complaint_id: Complaint) -> answers.Clocks:
        now, state = await look(kernel.pool, ComplaintId(complaint_id))
        if state is None:
            raise NotFound
        return answers.clocks(complaint_id, ledger(state, rulebook), rulebook, now)

    @router.get("/policies", summary="The policies in the order they are asked; the first match counts")
    async def policies() -> answers.Policies:
        return answers.Policies(policies=rulebook.policies)

    @router.get("/calendars", summary="The calendars, newest version of each")
    async def calendars() -> answers.Calendars:
        newest = [rulebook.calendar(key).calendar for key in sorted(rulebook.newest.items())]
        return answers.Calendars(calendars=[answers.calendar(one) for one in newest])

    return router
