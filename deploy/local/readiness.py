"""Asking a service or the mailbox whether it serves."""

from http import HTTPStatus

import httpx

TIMEOUT = 2.0  # seconds


def why_not(url: str) -> str | None:
    """None when `url` answers 200; else what is missing, in the words of the service's own report."""
    try:
        answer = httpx.get(url, timeout=TIMEOUT, trust_env=False)
    except httpx.HTTPError:
        return "does not answer yet"
    return None if answer.status_code == HTTPStatus.OK else _sick(answer) or f"answers {answer.status_code}"


def _sick(answer: httpx.Response) -> str:
    try:
        return ", ".join(f"{part}: {sentence}" for part, sentence in answer.json()["sick"].items())
    except (ValueError, KeyError, AttributeError, TypeError):
        return ""
