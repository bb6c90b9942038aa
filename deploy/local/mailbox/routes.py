"""JSON routes of the mailbox: customers, messages, one message; and, for tests, faults."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Query, Request, Response
from fastapi.responses import HTMLResponse, PlainTextResponse

from deploy.local.mailbox.faults import Fault, Faults
from deploy.local.mailbox.parse import parse_mail
from deploy.local.mailbox.store import MailFilter, MailStore

PRIVACY_HEADERS = {"Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}
# A mail may use its own styles and embedded pictures; it cannot run code or load anything.
MAIL_POLICY = (
    "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; style-src 'unsafe-inline'; "
    "img-src data:; frame-ancestors 'self'"
)

mail_router = APIRouter()
fault_router = APIRouter()


def _mail_store(request: Request) -> MailStore:
    mails: MailStore = request.app.state.mails
    return mails


def _faults(request: Request) -> Faults:
    faults: Faults = request.app.state.faults
    return faults


def _mail_filter(
    to: str | None = None,
    q: str = "",
    before: Annotated[int | None, Query(ge=1)] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 50,
) -> MailFilter:
    return MailFilter(to, q, before, limit)


MailStoreParameter = Annotated[MailStore, Depends(_mail_store)]
FaultsParameter = Annotated[Faults, Depends(_faults)]
MailFilterParameter = Annotated[MailFilter, Depends(_mail_filter)]


def _require_mail(mails: MailStore, number: int) -> dict[str, Any]:
    mail = mails.find(number)
    if mail is None:
        raise HTTPException(404, "there is no such mail; it may have been deleted")
    return mail


@mail_router.get("/api/messages")
async def list_messages(mails: MailStoreParameter, mail_filter: MailFilterParameter) -> dict[str, Any]:
    """List mails, newest first: of one customer (`to`), with a text (`q`), older than `before`."""
    return mails.page(mail_filter)


@mail_router.get("/api/customers")
async def list_customers(mails: MailStoreParameter, mail_filter: MailFilterParameter) -> list[dict[str, Any]]:
    """List addresses that have mail; the address with the newest mail first."""
    return mails.customers(mail_filter)


@mail_router.get("/api/messages/{number}")
async def show_message(mails: MailStoreParameter, number: int) -> dict[str, Any]:
    """Return one mail, decoded."""
    mail = _require_mail(mails, number)
    parsed = parse_mail(mail.pop("raw"))
    del mail["haystack"]
    return {**mail, "text": parsed.text, "html": parsed.html, "headers": parsed.headers}


@mail_router.get("/messages/{number}.html", response_class=HTMLResponse)
async def show_html(mails: MailStoreParameter, number: int) -> HTMLResponse:
    """Return the HTML part, with a policy that keeps it from running code."""
    content = parse_mail(_require_mail(mails, number)["raw"]).html or "<p>This mail has no HTML part.</p>"
    return HTMLResponse(content, headers={**PRIVACY_HEADERS, "Content-Security-Policy": MAIL_POLICY})


@mail_router.get("/messages/{number}.eml", response_class=PlainTextResponse)
async def show_source(mails: MailStoreParameter, number: int) -> Response:
    """Return the mail as it was received."""
    return Response(
        _require_mail(mails, number)["raw"], media_type="text/plain; charset=utf-8", headers=PRIVACY_HEADERS
    )


@mail_router.post("/api/messages/{number}/read", status_code=204)
async def mark_read(mails: MailStoreParameter, number: int) -> None:
    """Mark a mail as read."""
    mails.mark_read(number)


@mail_router.delete("/api/messages/{number}")
async def delete_message(mails: MailStoreParameter, number: int) -> dict[str, int]:
    """Delete one mail of one customer."""
    return {"deleted": mails.delete(number=number)}


@mail_router.delete("/api/messages")
async def delete_messages(mails: MailStoreParameter, to: str | None = None) -> dict[str, int]:
    """Delete a customer's mails, or all."""
    return {"deleted": mails.delete(to=to)}


@fault_router.get("/api/faults")
async def show_fault(faults: FaultsParameter) -> dict[str, Any]:
    """Return the current fault and the number of affected mails."""
    return {"fault": faults.current, "remaining": faults.remaining, "hit": faults.hit}


@fault_router.put("/api/faults")
async def set_fault(faults: FaultsParameter, fault: Fault) -> dict[str, Any]:
    """Set a fault in place of the current one."""
    faults.set(fault)
    return await show_fault(faults)


@fault_router.delete("/api/faults")
async def clear_fault(faults: FaultsParameter) -> dict[str, Any]:
    """Remove the fault; a hang ends at once."""
    faults.set(None)
    return await show_fault(faults)
