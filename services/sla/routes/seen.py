"""`If-Match`: whoever changes something says which version of it they saw, so that nobody's change is lost."""

import re
from typing import Annotated

from fastapi import Depends, Header

from shared.errors import Stale, Unseen

ETAG = re.compile(r'"(\d{1,9})"')


def seen(
    if_match: Annotated[str | None, Header(description='The ETag of your last look, such as "3".')] = None,
) -> int:
    """The version that the caller saw. Raises `Unseen` without one, `Stale` for one that was never ours."""
    if if_match is None:
        raise Unseen
    found = ETAG.fullmatch(if_match.strip())
    if found is None:
        raise Stale
    return int(found[1])


Seen = Annotated[int, Depends(seen)]


def etag(version: int) -> str:
    """What `If-Match` will have to say."""
    return f'"{version}"'
