"""The page: one file, and the policies that keep a mail from doing anything."""

import base64
import hashlib
import re
from pathlib import Path

from fastapi import FastAPI
from fastapi.responses import HTMLResponse
from starlette.middleware.trustedhost import TrustedHostMiddleware

from deploy.local.mailbox import routes
from deploy.local.mailbox.faults import Faults
from deploy.local.mailbox.store import MailStore

PAGE = (Path(__file__).parent / "page.html").read_text("utf-8")
HOSTS = ["127.0.0.1", "localhost", "[::1]"]  # a page elsewhere whose name resolves to us must not read mail


def build(mails: MailStore, faults: Faults | None) -> FastAPI:
    """The whole application; without `faults` their route does not exist."""
    app = FastAPI(title="Redress mailbox", docs_url=None, redoc_url=None)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=HOSTS)
    app.state.mails, app.state.faults = mails, faults
    app.include_router(routes.reading)
    if faults is not None:
        app.include_router(routes.breaking)
    app.add_api_route("/", page, response_class=HTMLResponse, include_in_schema=False)
    app.add_api_route("/live", live)
    return app


async def page() -> HTMLResponse:
    """The page itself; everything that it shows comes from the JSON routes."""
    return HTMLResponse(PAGE, headers={**routes.QUIET, "Content-Security-Policy": policy(PAGE)})


async def live() -> dict[str, bool]:
    """For whoever waits until the mailbox serves."""
    return {"live": True}


def policy(html: str) -> str:
    """Only the page's own script runs, known by its hash; the mail's frame may come only from here."""
    scripts = re.findall(r"<script>(.*?)</script>", html, re.DOTALL)
    known = " ".join(f"'sha256-{base64.b64encode(hashlib.sha256(one.encode()).digest()).decode()}'" for one in scripts)
    return (
        f"default-src 'none'; script-src {known}; style-src 'unsafe-inline'; img-src data:; connect-src 'self'; "
        "frame-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
