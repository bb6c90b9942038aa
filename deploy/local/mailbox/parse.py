"""What a mail says: subject, text, HTML, headers. Broken mails are shown as well as they can be, never refused."""

import email
from collections.abc import Iterator
from dataclasses import dataclass
from email.header import decode_header, make_header
from email.message import Message

SNIPPET = 160


@dataclass(frozen=True, slots=True)
class Parsed:
    """A mail, decoded."""

    message_id: str
    sender: str
    subject: str
    text: str
    html: str | None
    headers: tuple[tuple[str, str], ...]

    @property
    def snippet(self) -> str:
        """The beginning of the text, on one line."""
        return " ".join(self.text[: SNIPPET * 4].split())[:SNIPPET]


def parse(raw: bytes) -> Parsed:
    """Decode a mail with the old, lenient parser, which is also three times as fast as the new one."""
    message = email.message_from_bytes(raw)
    bodies = dict(reversed(list(_bodies(message))))  # the first of each kind wins
    headers = tuple((name, _decoded(str(value))) for name, value in message.items())
    return Parsed(
        message_id=str(message.get("Message-ID", "")).strip(),
        sender=_decoded(str(message.get("From", ""))),
        subject=_decoded(str(message.get("Subject", ""))),
        text=bodies.get("text/plain", ""),
        html=bodies.get("text/html"),
        headers=headers,
    )


def _bodies(message: Message) -> Iterator[tuple[str, str]]:
    for part in message.walk():
        kind = part.get_content_type()
        if kind not in {"text/plain", "text/html"} or part.get_filename():
            continue
        payload = part.get_payload(decode=True)
        if isinstance(payload, bytes):
            yield kind, _text(payload, str(part.get_content_charset("utf-8")))


def _text(payload: bytes, charset: str) -> str:
    try:
        return payload.decode(charset, "replace")
    except LookupError:
        return payload.decode("utf-8", "replace")


def _decoded(value: str) -> str:
    try:
        return str(make_header(decode_header(" ".join(value.split()))))
    except (ValueError, LookupError):  # binascii.Error is a ValueError
        return value
