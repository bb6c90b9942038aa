"""Check of an address by its form, before a message is planned. Only the provider can tell if the mailbox exists."""

from shared.email_address import is_email


def unreachable(email: str | None) -> str | None:
    """Return why nothing can be sent there, as a code for `MessageSuppressed`; None if an attempt is possible."""
    if not email or not email.strip():
        return "no_address"
    return None if is_email(email) else "malformed_address"
