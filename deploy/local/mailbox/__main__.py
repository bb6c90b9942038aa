"""`python -m deploy.local.mailbox`: SMTP server and web page, until a signal."""

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
from deploy.local.mailbox.page import build_app
from deploy.local.mailbox.smtp import SmtpHandler, listen
from deploy.local.mailbox.store import MailStore
from deploy.local.ports import HOST, require_free
from shared.errors import Misconfigured

SMTP_PORT, PAGE_PORT = 2525, 8025


def parse_arguments() -> argparse.Namespace:
    """Parse the ports, the address and the data folder."""
    parser = argparse.ArgumentParser(prog="python -m deploy.local.mailbox", description=__doc__)
    parser.add_argument("--smtp-port", type=int, default=SMTP_PORT)
    parser.add_argument("--port", type=int, default=PAGE_PORT, help="port of the web page")
    parser.add_argument(
        "--host", default=HOST, help="address to listen on; with another one, other machines can read all mail"
    )
    parser.add_argument("--home", type=Path, default=None, help="mails are stored in HOME/mailbox/mails.sqlite")
    parser.add_argument("--faults", action="store_true", help="let tests inject SMTP faults with /api/faults")
    return parser.parse_args()


class PageServer(uvicorn.Server):
    """Web server without signal handlers: a signal ends the whole process, SMTP included."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Install no signal handlers."""
        yield


async def serve(options: argparse.Namespace) -> None:
    """Run both servers in one event loop. SMTP stops first, so that every accepted mail is stored."""
    mails, faults = MailStore((options.home or home_folder()) / "mailbox" / "mails.sqlite"), Faults()
    smtp = await listen(SmtpHandler(mails, faults), options.host, options.smtp_port)
    app = build_app(mails, faults if options.faults else None)
    config = uvicorn.Config(
        app, host=options.host, port=options.port, log_level="warning", access_log=False, timeout_graceful_shutdown=2
    )
    page = PageServer(config)

    def stop() -> None:
        smtp.close()
        page.should_exit = True

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop)
    await page.serve()
    mails.close()


def main() -> int:
    """Run the mailbox until a signal. Return exit code 2 if a port is taken."""
    options = parse_arguments()
    try:
        require_free(options.smtp_port, what="the mailbox's SMTP", variable="REDRESS_SMTP_PORT")
        require_free(options.port, what="the mailbox's page", variable="REDRESS_MAILBOX_PORT")
    except Misconfigured as error:
        sys.stderr.write(f"{error.detail}\n")
        return 2
    asyncio.run(serve(options))
    return 0


if __name__ == "__main__":
    sys.exit(main())
