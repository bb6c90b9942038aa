"""`If-Match`: whoever changes something says which version of it they saw, so that nobody's change is lost."""

import re
from typing import Annotated

from fastapi import Depends, Header

from shared.errors import MalformedRequest, PreconditionRequired
from shared.http.openapi import NEEDED
from shared.text import ETAG_PATTERN

ETAG = re.compile(ETAG_PATTERN)
SAYS = (
    'The ETag of your last look, such as "3", with its quotes. Exactly one: a list and * (RFC 9110) are refused, since '
    "whoever accepts any version overwrites what somebody else changed."
)


def seen(
    if_match: Annotated[
        str, Header(pattern=None, description=SAYS, json_schema_extra={**NEEDED, "pattern": ETAG_PATTERN})
    ] = "",
) -> int:
    """Return the version that the caller has read. Raises `PreconditionRequired` or `MalformedRequest`."""
    if not if_match:
        raise PreconditionRequired
    if not ETAG.match(if_match):
        raise MalformedRequest(
            'If-Match: expected one ETag as you got it, with its quotes, such as "3"; no list and no *'
        )
    return int(if_match.strip('"'))


Seen = Annotated[int, Depends(seen)]


def etag(version: int) -> str:
    """What `If-Match` will have to say."""
    return f'"{version}"'
