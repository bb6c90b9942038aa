"""Health check of the service in this container (HEALTHCHECK): `python -m deploy.healthcheck` exits with 0 or 1."""

import os
import sys
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException

TIMEOUT_SECONDS = 3.0


def is_alive(port: int) -> bool:
    """Return True if `/live` answers 200 in time."""
    connection = HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_SECONDS)
    try:
        connection.request("GET", "/live")
        return connection.getresponse().status == HTTPStatus.OK
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


if __name__ == "__main__":
    service = os.environ.get("SERVICE", "")
    port = os.environ.get(f"{service.upper()}_PORT") or os.environ.get("REDRESS_PORT", "8080")
    sys.exit(0 if is_alive(int(port)) else 1)
