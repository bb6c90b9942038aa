"""Readiness check of a service or of the mailbox."""

from http import HTTPStatus

import httpx

TIMEOUT_SECONDS = 2.0  # seconds


def find_problem(url: str) -> str | None:
    """Request `url` and return None if it answers 200, else the reason why the service is not ready."""
    try:
        response = httpx.get(url, timeout=TIMEOUT_SECONDS, trust_env=False)
    except httpx.HTTPError:
        return "does not response yet"
    return None if response.status_code == HTTPStatus.OK else _sick_parts(response) or f"answers {response.status_code}"


def _sick_parts(response: httpx.Response) -> str:
    try:
        return ", ".join(f"{part}: {sentence}" for part, sentence in response.json()["sick"].items())
    except (ValueError, KeyError, AttributeError, TypeError):
        return ""
