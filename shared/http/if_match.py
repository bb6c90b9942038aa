"""Optimistic locking over HTTP with `If-Match`: a change names the version it is based on, so none is overwritten."""

import re
from typing import Annotated

from fastapi import Depends, Header

from shared.errors import MalformedRequest, PreconditionRequired
from shared.http.openapi import NEEDED
from shared.text import ETAG_PATTERN

ETAG = re.compile(ETAG_PATTERN)
DESCRIPTION = (
    'The ETag of the last response, such as "3", with its quotes. Exactly one: a list and * (RFC 9110) are refused, '
    "since a change that accepts any version can overwrite another one."
)


def expected_version(
    if_match: Annotated[
        str, Header(pattern=None, description=DESCRIPTION, json_schema_extra={**NEEDED, "pattern": ETAG_PATTERN})
    ] = "",
) -> int:
    """Return the version that the client has read. Raises `PreconditionRequired`, or `MalformedRequest`."""
    if not if_match:
        raise PreconditionRequired
    if not ETAG.match(if_match):
        raise MalformedRequest(
            'If-Match: expected one ETag as it was received, with its quotes, such as "3"; no list and no *'
        )
    return int(if_match.strip('"'))


ExpectedVersion = Annotated[int, Depends(expected_version)]


def format_etag(version: int) -> str:
    """Format a version as the ETag that `If-Match` expects."""
    return f'"{version}"'
