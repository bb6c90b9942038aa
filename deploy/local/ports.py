"""Ports on this machine: free ones, and a plain sentence for taken ones."""

import socket

from shared.errors import Misconfigured

HOST = "127.0.0.1"


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def is_open(port: int, *, host: str = HOST) -> bool:
    """Whether somebody accepts connections there."""
    try:
        with socket.create_connection((host, port), timeout=0.5):
            return True
    except OSError:
        return False


def require_free(port: int, *, what: str, variable: str) -> None:
    """Raises `Misconfigured` when the port is taken, and says which setting chooses another."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            raise Misconfigured(
                f"Port {port} on {HOST}, wanted for {what}, is taken by another program. Stop that program, or set "
                f"{variable} to a free port."
            ) from None
