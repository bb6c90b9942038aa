"""Whether an address can be written to at all. A look at its form only; whether it exists is the provider's word."""

import re
from typing import Final

_LOCAL: Final = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}")
_DOMAIN: Final = re.compile(r"(?!-)[^\W_][\w-]{0,62}(\.[^\W_][\w-]{0,62})*", re.UNICODE)


def unreachable(email: str | None) -> str | None:
    """Why nothing can be sent there, as a code for `MessageSuppressed`; None when it can be tried."""
    if not email or not email.strip():
        return "no_address"
    local, at, domain = email.rpartition("@")
    if not at or len(email) > 254 or not _LOCAL.fullmatch(local) or not _DOMAIN.fullmatch(domain):
        return "malformed_address"
    if local.startswith(".") or local.endswith(".") or ".." in local:
        return "malformed_address"
    return None
