"""`python -m deploy.local.mailbox`: SMTP and the page, until a signal."""

import argparse
import asyncio
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn

from deploy.local.data_dir import home_folder
from deploy.local.mailbox.faults import Faults
from deploy.local.mailbox.page import build
from deploy.local.mailbox.smtp import Inbound, listen
from deploy.local.mailbox.store import MailStore
from deploy.local.ports import HOST, require_free
from shared.errors import Misconfigured

SMTP_PORT, PAGE_PORT = 2525, 8025


def arguments() -> argparse.Namespace:
    """Where to listen and where to keep the mails."""
    parser = argparse.ArgumentParser(prog="python -m deploy.local.mailbox", description=__doc__)
    parser.add_argument("--smtp-port", type=int, default=SMTP_PORT)
    parser.add_argument("--port", type=int, default=PAGE_PORT, help="of the page")
    parser.add_argument("--host", default=HOST, help="address to listen on; others than this machine see all mail")
    parser.add_argument("--home", type=Path, default=None, help="mails are kept in HOME/mailbox/mails.sqlite")
    parser.add_argument("--faults", action="store_true", help="let /api/faults break the SMTP side, for tests")
    return parser.parse_args()


class Page(uvicorn.Server):
    """Signals belong to the process as a whole, whose other side is SMTP."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave them alone."""
        yield


async def serve(given: argparse.Namespace) -> None:
    """Both sides in one loop; SMTP ends first, so that nothing is accepted and then not kept."""
    mails, faults = MailStore((given.home or home_folder()) / "mailbox" / "mails.sqlite"), Faults()
    smtp = await listen(Inbound(mails, faults), given.host, given.smtp_port)
    app = build(mails, faults if given.faults else None)
    config = uvicorn.Config(
        app, host=given.host, port=given.port, log_level="warning", access_log=False, timeout_graceful_shutdown=2
    )
    page = Page(config)

    def stop() -> None:
        smtp.close()
        page.should_exit = True

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop)
    await page.serve()
    mails.close()


def main() -> int:
    """2 when a port is taken."""
    given = arguments()
    try:
        require_free(given.smtp_port, what="the mailbox's SMTP", variable="REDRESS_SMTP_PORT")
        require_free(given.port, what="the mailbox's page", variable="REDRESS_MAILBOX_PORT")
    except Misconfigured as error:
        sys.stderr.write(f"{error.detail}\n")
        return 2
    asyncio.run(serve(given))
    return 0


if __name__ == "__main__":
    sys.exit(main())
