"""Ports on this machine: find a free one, and report a taken one with the setting that changes it."""

import socket

from shared.errors import Misconfigured

HOST = "127.0.0.1"


def find_free_port() -> int:
    """Return a port that no program listens on now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def is_open(port: int, *, host: str = HOST) -> bool:
    """Return True if a program accepts connections on the port."""
    try:
        with socket.create_connection((host, port), timeout=0.5):
            return True
    except OSError:
        return False


def require_free(port: int, *, what: str, variable: str) -> None:
    """Raise `Misconfigured` if the port is taken. The error names the setting that selects another port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            raise Misconfigured(
                f"Port {port} on {HOST}, needed for {what}, is taken by another program. Stop that program, or set "
                f"{variable} to a free port."
            ) from None
