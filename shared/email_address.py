"""Rule for e-mail addresses: the same at intake, where a message is planned, and where its headers are written.

The library `email-validator` decides, by form only: no DNS query. Accepted are dot-atoms of RFC 5321 and their
internationalised form of RFC 6531; refused are quoted local parts, IP literals, domains without a dot, local parts of
more than 64 characters and addresses of more than 254 bytes.

Most addresses are plain ASCII, and intake checks one per complaint, so a strict pattern accepts those first; the
library takes 20 to 30 µs. The pattern matches only what the library accepts and returns unchanged, except for letter
case (tests/properties/test_email_address.py).
"""

import re
from typing import Final, NamedTuple

import email_validator

LENGTH_MAX: Final = 254  # bytes in UTF-8; RFC 5321, 4.5.3.1.3
# No mail server can stand behind these names (RFC 6761 and RFC 7686). The library also refuses the names for tests and
# for local networks (test, local, arpa). They stay accepted: demonstrations, tests and in-house mail servers use them.
# The list belongs to the library, which documents changing it; nothing else in this project uses it.
UNROUTABLE: Final = ("invalid", "localhost", "onion")
email_validator.SPECIAL_USE_DOMAIN_NAMES[:] = UNROUTABLE

# Text that a mail reader would decode (RFC 2047). An address may look like it by the grammar of RFC 5322, but in a
# header it would change its meaning, so it is refused as an address.
ENCODED_WORD: Final = re.compile(r"=\?[^?\s]*\?[^?\s]*\?")

# With at most 64 characters in all, every limit on the length of a part holds. No label has two hyphens in a row, so
# none is an A-label.
_PLAIN_MAX: Final = 64
_PLAIN: Final = re.compile(
    r"[A-Za-z0-9_+'-]+(?:\.[A-Za-z0-9_+'-]+)*"
    r"@(?:[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*\.)+"
    rf"(?!(?i:{'|'.join(UNROUTABLE)})\Z)[A-Za-z]+"
)


class InvalidEmailAddress(ValueError):
    """The text is not an e-mail address that mail can be sent to."""


class EmailAddress(NamedTuple):
    """Normalised address: local part in NFC, domain in lower case in both of its forms."""

    local: str
    domain: str  # with U-labels, as people read it
    ascii_domain: str  # with A-labels, as DNS stores it

    @property
    def needs_smtputf8(self) -> bool:
        """True if only a server with SMTPUTF8 (RFC 6531) can take it: its local part has no ASCII form."""
        return not self.local.isascii()

    @property
    def wire_form(self) -> str:
        """Form for SMTP and for message headers: ASCII wherever that is possible, else UTF-8 (RFC 6532)."""
        return f"{self.local}@{self.domain if self.needs_smtputf8 else self.ascii_domain}"


def is_plain(text: str) -> bool:
    """Return True if it is a short plain ASCII address that needs no further check; False decides nothing."""
    return len(text) <= _PLAIN_MAX and _PLAIN.fullmatch(text) is not None


def parse_email(text: str) -> EmailAddress:
    """Return the normalised address. Raises `InvalidEmailAddress`, which never contains the text."""
    if is_plain(text):
        local, _, domain = text.rpartition("@")
        domain = domain.lower()
        return EmailAddress(local, domain, domain)
    if ENCODED_WORD.search(text):
        raise InvalidEmailAddress("expected an address, got an encoded word")
    try:
        valid = email_validator.validate_email(
            text,
            allow_smtputf8=True,
            allow_quoted_local=False,
            allow_domain_literal=False,
            allow_display_name=False,
            strict=True,
            check_deliverability=False,
        )
    except email_validator.EmailNotValidError:
        raise InvalidEmailAddress("expected an address such as name@example.org") from None
    return EmailAddress(valid.local_part, valid.domain, valid.ascii_domain)


def is_email(text: str) -> bool:
    """Return True if mail can be sent to it, as far as its form tells."""
    if is_plain(text):
        return True
    try:
        parse_email(text)
    except InvalidEmailAddress:
        return False
    return True
