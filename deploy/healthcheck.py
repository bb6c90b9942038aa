"""Whether the service in this container is alive: `python -m deploy.alive`, the HEALTHCHECK, ends with 0 or 1."""

import os
import sys
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException

SECONDS = 3.0


def alive(port: int) -> bool:
    """What `/live` says; no answer in time is a no."""
    connection = HTTPConnection("127.0.0.1", port, timeout=SECONDS)
    try:
        connection.request("GET", "/live")
        return connection.getresponse().status == HTTPStatus.OK
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


if __name__ == "__main__":
    service = os.environ.get("SERVICE", "")
    given = os.environ.get(f"{service.upper()}_PORT") or os.environ.get("REDRESS_PORT", "8080")
    sys.exit(0 if alive(int(given)) else 1)
