"""Web page of the mailbox, with a content security policy that keeps mails from running code."""

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
ALLOWED_HOSTS = ["127.0.0.1", "localhost", "[::1]"]  # against DNS rebinding: other web pages must not read the mail


def build_app(mails: MailStore, faults: Faults | None) -> FastAPI:
    """Build the application; without `faults` there are no routes for them."""
    app = FastAPI(title="Redress mailbox", docs_url=None, redoc_url=None)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=ALLOWED_HOSTS)
    app.state.mails, app.state.faults = mails, faults
    app.include_router(routes.mail_router)
    if faults is not None:
        app.include_router(routes.fault_router)
    app.add_api_route("/", show_page, response_class=HTMLResponse, include_in_schema=False)
    app.add_api_route("/live", report_live)
    return app


async def show_page() -> HTMLResponse:
    """Return the page; it loads its content from the JSON routes."""
    return HTMLResponse(
        PAGE, headers={**routes.PRIVACY_HEADERS, "Content-Security-Policy": content_security_policy(PAGE)}
    )


async def report_live() -> dict[str, bool]:
    """Answer the readiness check of the stack."""
    return {"live": True}


def content_security_policy(html: str) -> str:
    """Policy that runs only the page's own script, identified by its hash, and shows mails only from this server."""
    scripts = re.findall(r"<script>(.*?)</script>", html, re.DOTALL)
    hashes = " ".join(
        f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'" for script in scripts
    )
    return (
        f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; img-src data:; connect-src 'self'; "
        "frame-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
