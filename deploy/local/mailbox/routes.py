"""The mailbox's JSON: who has mail, which mails, what one says; and, for tests, faults."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Query, Request, Response
from fastapi.responses import HTMLResponse, PlainTextResponse

from deploy.local.mailbox.faults import Fault, Faults
from deploy.local.mailbox.parse import parse
from deploy.local.mailbox.store import MailFilter, MailStore

QUIET = {"Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}
# A mail may style itself and show pictures that it carries; it runs nothing and fetches nothing.
MAIL_POLICY = (
    "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; style-src 'unsafe-inline'; "
    "img-src data:; frame-ancestors 'self'"
)

reading = APIRouter()
breaking = APIRouter()


def _mails(request: Request) -> MailStore:
    mails: MailStore = request.app.state.mails
    return mails


def _faults(request: Request) -> Faults:
    faults: Faults = request.app.state.faults
    return faults


def _wanted(
    to: str | None = None,
    q: str = "",
    before: Annotated[int | None, Query(ge=1)] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 50,
) -> MailFilter:
    return MailFilter(to, q, before, limit)


Kept = Annotated[MailStore, Depends(_mails)]
Broken = Annotated[Faults, Depends(_faults)]
Asked = Annotated[MailFilter, Depends(_wanted)]


def _one(mails: MailStore, number: int) -> dict[str, Any]:
    found = mails.one(number)
    if found is None:
        raise HTTPException(404, "there is no such mail; it may have been deleted")
    return found


@reading.get("/api/messages")
async def messages(mails: Kept, wanted: Asked) -> dict[str, Any]:
    """Mails newest first: of one customer (`to`), with words (`q`), older than `before`."""
    return mails.page(wanted)


@reading.get("/api/customers")
async def customers(mails: Kept, wanted: Asked) -> list[dict[str, Any]]:
    """Addresses that have mail, whose is newest first."""
    return mails.customers(wanted)


@reading.get("/api/messages/{number}")
async def message(mails: Kept, number: int) -> dict[str, Any]:
    """One mail, decoded."""
    found = _one(mails, number)
    parsed = parse(found.pop("raw"))
    del found["haystack"]
    return {**found, "text": parsed.text, "html": parsed.html, "headers": parsed.headers}


@reading.get("/messages/{number}.html", response_class=HTMLResponse)
async def html(mails: Kept, number: int) -> HTMLResponse:
    """The HTML part alone, under a policy that lets it do nothing."""
    shown = parse(_one(mails, number)["raw"]).html or "<p>This mail has no HTML part.</p>"
    return HTMLResponse(shown, headers={**QUIET, "Content-Security-Policy": MAIL_POLICY})


@reading.get("/messages/{number}.eml", response_class=PlainTextResponse)
async def source(mails: Kept, number: int) -> Response:
    """The mail as it came."""
    return Response(_one(mails, number)["raw"], media_type="text/plain; charset=utf-8", headers=QUIET)


@reading.post("/api/messages/{number}/read", status_code=204)
async def read(mails: Kept, number: int) -> None:
    """It was looked at."""
    mails.mark_read(number)


@reading.delete("/api/messages/{number}")
async def delete_one(mails: Kept, number: int) -> dict[str, int]:
    """Delete one mail of one customer."""
    return {"deleted": mails.delete(number=number)}


@reading.delete("/api/messages")
async def delete(mails: Kept, to: str | None = None) -> dict[str, int]:
    """Delete a customer's mails, or all."""
    return {"deleted": mails.delete(to=to)}


@breaking.get("/api/faults")
async def current(faults: Broken) -> dict[str, Any]:
    """What is in force and how many mails it hit."""
    return {"fault": faults.current, "remaining": faults.remaining, "hit": faults.hit}


@breaking.put("/api/faults")
async def put(faults: Broken, fault: Fault) -> dict[str, Any]:
    """Put a fault in force instead of the one before."""
    faults.set(fault)
    return await current(faults)


@breaking.delete("/api/faults")
async def heal(faults: Broken) -> dict[str, Any]:
    """Heal now; a hang that has begun ends too."""
    faults.set(None)
    return await current(faults)
