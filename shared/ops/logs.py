"""Structured logs: one JSON object per line, with the ids of complaint and event, and never personal data."""

import logging
import sys
from typing import Any

from pythonjsonlogger.json import JsonFormatter

QUIET_LIBRARIES = ("aiokafka", "faststream", "asyncio", "uvicorn.access", "uvicorn.error", "yoyo", "mail.log", "httpx")


class _Formatter(JsonFormatter):
    """Formatter that writes class and place of an exception, and its text only for errors of this project.

    The text of a foreign error may quote the payload, and so personal data.
    """

    def formatException(self, ei: Any) -> str:  # noqa: N802 (the name is logging's)
        kind, error, trace = ei
        while trace and trace.tb_next:
            trace = trace.tb_next
        place = f"{trace.tb_frame.f_code.co_filename.rsplit('/', 1)[-1]}:{trace.tb_lineno}" if trace else "?"
        is_own = type(error).__module__.startswith(("shared.", "services."))
        return f"{kind.__module__}.{kind.__name__} at {place}" + (f": {error}" if is_own else "")


def configure(service: str, level: str = "INFO") -> None:
    """Send all logs to standard output; those of libraries from WARNING up."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        _Formatter(
            "%(asctime)s %(levelname)s %(name)s %(message)s",
            rename_fields={"asctime": "at", "levelname": "level", "name": "logger", "exc_info": "error"},
            static_fields={"service": service},
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    for name in QUIET_LIBRARIES:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
