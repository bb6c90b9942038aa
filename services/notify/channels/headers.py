"""Safe header values: each value stays the one value it was.

Python's own `email` package decodes encoded words inside a value and may create new headers from them (seen on 3.11:
`=?utf-8?q?a=0aBcc:_v=40e.org?=` in a subject). So values are checked before they reach it: no control character, no
line or paragraph separator, no text of the form of an encoded word, no half surrogate, bounded length.
Sources: RFC 5322 section 2.2, RFC 2047, RFC 3834.
"""

import unicodedata
from email.header import Header
from email.utils import quote
from typing import Final

from shared.email_address import ENCODED_WORD, EmailAddress, InvalidEmailAddress, parse_email
from shared.errors import Rejected

LONGEST: Final = 300  # characters of one value; far below the 998 octets of a line once encoded and folded
_FORBIDDEN: Final = frozenset({"Cc", "Cs", "Zl", "Zp"})


def guard(name: str, value: str) -> str:
    """Return the value if it is harmless. Raises `Rejected` that names the header and never contains the value."""
    if len(value) > LONGEST:
        raise Rejected(f"{name}: expected at most {LONGEST} characters, got {len(value)}")
    printable = value.isascii() and value.isprintable()  # true for most values, and a hundred times faster
    if not printable and any(unicodedata.category(char) in _FORBIDDEN for char in value):
        raise Rejected(f"{name}: expected one line of text, got a control character")
    if ENCODED_WORD.search(value):
        raise Rejected(f"{name}: expected plain text, got text of the form of an encoded word")
    return value


def text_header(name: str, value: str) -> str:
    """Return a header line for free text, encoded by RFC 2047 where it is not ASCII."""
    return f"{name}: {_encode_text(name, value)}"


def mailbox_header(name: str, mailbox: str, display: str | None = None) -> str:
    """Return a header line with one address, as `ascii_mailbox` or `mailbox` gave it, and a display name if present."""
    if not display:
        return f"{name}: <{mailbox}>"
    shown = f'"{quote(guard(name, display))}"' if display.isascii() else _encode_text(name, display)
    return f"{name}: {shown} <{mailbox}>"


def mailbox(address: str) -> str:
    """Return a recipient's address as it is sent: ASCII if it has such a form, else UTF-8. Raises `Rejected`."""
    return _parse(address).wire_form


def ascii_mailbox(address: str) -> str:
    """Return an address of the sender in ASCII, an international domain as its A-labels.

    Raises `Rejected` for a local part that is not ASCII: every message would need a server with SMTPUTF8.
    """
    parts = _parse(address)
    if parts.needs_smtputf8:
        raise Rejected("address: expected local@domain with an ASCII local part")
    return parts.wire_form


def _parse(address: str) -> EmailAddress:
    try:
        return parse_email(address)
    except InvalidEmailAddress as error:
        raise Rejected(f"address: {error}") from None


def _encode_text(name: str, value: str) -> str:
    safe = guard(name, value)
    return safe if safe.isascii() else Header(safe, "utf-8", header_name=name).encode(linesep="\r\n")
