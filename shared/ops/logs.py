"""Structured logs: one JSON object a line, with complaint, event and trace ids, and never personal data."""

import logging
import sys
from typing import Any

from pythonjsonlogger.json import JsonFormatter

LOUD = ("aiokafka", "faststream", "asyncio", "uvicorn.access", "uvicorn.error", "yoyo", "mail.log", "httpx")


class _Formatter(JsonFormatter):
    """Exceptions are named with their place, but their text is left out unless it is ours: it may quote a payload."""

    def formatException(self, ei: Any) -> str:  # noqa: N802 (the name is logging's)
        kind, error, trace = ei
        while trace and trace.tb_next:
            trace = trace.tb_next
        where = f"{trace.tb_frame.f_code.co_filename.rsplit('/', 1)[-1]}:{trace.tb_lineno}" if trace else "?"
        from_us = type(error).__module__.startswith(("shared.", "services."))
        return f"{kind.__module__}.{kind.__name__} at {where}" + (f": {error}" if from_us else "")


def configure(service: str, level: str = "INFO") -> None:
    """Send everything to standard output; libraries speak from WARNING up."""
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
    for name in LOUD:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
