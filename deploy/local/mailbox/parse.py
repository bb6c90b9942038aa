"""Parse mails: subject, text, HTML and headers. Broken mails are shown as far as possible, never refused."""

import email
from collections.abc import Iterator
from dataclasses import dataclass
from email.header import decode_header, make_header
from email.message import Message

SNIPPET_LENGTH = 160


@dataclass(frozen=True, slots=True)
class ParsedMail:
    """Decoded parts of a mail."""

    message_id: str
    sender: str
    subject: str
    text: str
    html: str | None
    headers: tuple[tuple[str, str], ...]

    @property
    def snippet(self) -> str:
        """Beginning of the text, on one line."""
        return " ".join(self.text[: SNIPPET_LENGTH * 4].split())[:SNIPPET_LENGTH]


def parse_mail(raw: bytes) -> ParsedMail:
    """Decode a mail with the standard library's older parser, which accepts broken mails and is three times as fast."""
    message = email.message_from_bytes(raw)
    bodies = dict(reversed(list(_decode_bodies(message))))  # the first of each kind wins
    headers = tuple((name, _decode_header(str(value))) for name, value in message.items())
    return ParsedMail(
        message_id=str(message.get("Message-ID", "")).strip(),
        sender=_decode_header(str(message.get("From", ""))),
        subject=_decode_header(str(message.get("Subject", ""))),
        text=bodies.get("text/plain", ""),
        html=bodies.get("text/html"),
        headers=headers,
    )


def _decode_bodies(message: Message) -> Iterator[tuple[str, str]]:
    for part in message.walk():
        kind = part.get_content_type()
        if kind not in {"text/plain", "text/html"} or part.get_filename():
            continue
        payload = part.get_payload(decode=True)
        if isinstance(payload, bytes):
            yield kind, _decode_text(payload, str(part.get_content_charset("utf-8")))


def _decode_text(payload: bytes, charset: str) -> str:
    try:
        return payload.decode(charset, "replace")
    except LookupError:
        return payload.decode("utf-8", "replace")


def _decode_header(value: str) -> str:
    try:
        return str(make_header(decode_header(" ".join(value.split()))))
    except (ValueError, LookupError):  # binascii.Error is a ValueError
        return value
