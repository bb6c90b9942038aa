"""Header values that stay one value.

Python's own `email` package decodes encoded words inside a value and may so create new headers (seen on 3.11:
`=?utf-8?q?a=0aBcc:_v=40e.org?=` in a subject). So values are looked at before they get near it: no control character,
no line or paragraph separator, nothing that reads as an encoded word, no half surrogate, bounded length.
Sources: RFC 5322 section 2.2, RFC 2047, RFC 3834.
"""

import re
import unicodedata
from email.header import Header
from email.utils import quote
from typing import Final

import idna

from shared.errors import Rejected

LONGEST: Final = 300  # characters of one value; far below the 998 octets of a line once encoded and folded
_ENCODED_WORD: Final = re.compile(r"=\?[^?\s]*\?[^?\s]*\?")
_FORBIDDEN: Final = frozenset({"Cc", "Cs", "Zl", "Zp"})


def guard(name: str, value: str) -> str:
    """The value itself when it is harmless. Raises `Rejected` naming the header, never quoting the value."""
    if len(value) > LONGEST:
        raise Rejected(f"{name}: expected at most {LONGEST} characters, got {len(value)}")
    printable = value.isascii() and value.isprintable()  # most values, and a hundred times faster
    if not printable and any(unicodedata.category(char) in _FORBIDDEN for char in value):
        raise Rejected(f"{name}: expected one line of text, got a control character")
    if _ENCODED_WORD.search(value):
        raise Rejected(f"{name}: expected plain text, got something that reads as an encoded word")
    return value


def text_header(name: str, value: str) -> str:
    """A whole header line for free text, encoded by RFC 2047 where it is not ASCII."""
    safe = guard(name, value)
    body = safe if safe.isascii() else Header(safe, "utf-8", header_name=name).encode(linesep="\r\n")
    return f"{name}: {body}"


def mailbox_header(name: str, address: str, display: str | None = None) -> str:
    """A header line with one address and, if given, the name it is known by."""
    target = f"<{mailbox(address)}>"
    if not display:
        return f"{name}: {target}"
    safe = guard(name, display)
    shown = f'"{quote(safe)}"' if safe.isascii() else Header(safe, "utf-8", header_name=name).encode(linesep="\r\n")
    return f"{name}: {shown} {target}"


def mailbox(address: str) -> str:
    """The address in ASCII, an international domain as its A-labels. Raises `Rejected` when it cannot be one."""
    local, at, domain = guard("address", address).rpartition("@")
    if not at or not local.isascii() or re.search(r"[\s<>,;:\"()\[\]\\@]", local):
        raise Rejected("address: expected local@domain with an ASCII local part")
    try:
        return f"{local}@{domain if domain.isascii() else idna.encode(domain, uts46=True).decode()}"
    except idna.IDNAError:
        raise Rejected("address: expected a domain name") from None
