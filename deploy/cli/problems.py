"""Errors in HTTP responses of the services, raised as the exceptions of `shared.errors`."""

from typing import Any

import httpx

from shared.errors import Misconfigured, NotFound, Rejected, Unavailable

UNAUTHORIZED = frozenset({401, 403})
RETRYABLE = frozenset({408, 425, 429, 500, 502, 503, 504})  # the same request may succeed later


def raise_for_problem(service: str, response: httpx.Response) -> None:
    """Do nothing for a success; else raise with the problem document's detail, or with the status if there is none.

    401 and 403: `Misconfigured`. 404: `NotFound`. 5xx and other statuses of a temporary problem: `Unavailable`. Other
    statuses: `Rejected`.
    """
    if response.is_success:
        return
    status, sentence = response.status_code, f"{service}: {_detail(response)}"
    if status in UNAUTHORIZED:
        raise Misconfigured(f"{service} refuses the token: {_detail(response)}")
    if status == httpx.codes.NOT_FOUND:
        raise NotFound(sentence)
    raise (Unavailable if status in RETRYABLE or response.is_server_error else Rejected)(sentence)


def read_body(service: str, response: httpx.Response) -> Any:
    """Return the JSON body of a success, None if it is empty. Raises as `raise_for_problem`."""
    raise_for_problem(service, response)
    return response.json() if response.content else None


def _detail(response: httpx.Response) -> str:
    try:
        return str(response.json()["detail"])
    except (ValueError, KeyError, TypeError):
        return f"it answered with status {response.status_code}"
