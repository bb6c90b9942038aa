"""Requests and responses without a framework: bounded bodies, cached tokens, problem documents."""

from collections.abc import Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from services.intake.domain import IdempotencyKeyReused
from services.intake.forms import BODY_MAX, Invalid, Malformed, field_error, is_key
from shared.auth import Authenticator, Client
from shared.errors import Rejected, Unavailable
from shared.http import problems
from shared.http.app import Receive, Send

Headers = Mapping[bytes, bytes]
DISCARD_MAX = 16 * 1024 * 1024  # bytes of a body that is too large that are read, so that its client reads the response
JSON: Final = b"application/json"
NDJSON: Final = b"application/x-ndjson"
PROBLEM: Final = problems.MEDIA_TYPE.encode()


class BodyTooLarge(Rejected):
    """The body is larger than this endpoint accepts."""


class WrongMedia(Rejected):
    """The body has another media type than this endpoint accepts."""


PROBLEM_KINDS: Final[Sequence[tuple[type[Exception], int, str]]] = (
    (Malformed, 400, "malformed"),
    (BodyTooLarge, 413, "too-large"),
    (WrongMedia, 415, "unsupported-media-type"),
    (IdempotencyKeyReused, 422, "idempotency-key-reused"),
    (Invalid, 422, "invalid"),
)


@dataclass(frozen=True, slots=True)
class RawResponse:
    """Complete response of an endpoint."""

    status: int
    body: bytes
    media: bytes = JSON
    headers: tuple[tuple[bytes, bytes], ...] = ()

    async def send(self, send: Send) -> None:
        """Send the response as two ASGI messages; a framework's response costs more than the insert it reports."""
        length = str(len(self.body)).encode()
        headers = [(b"content-type", self.media), (b"content-length", length), *self.headers]
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": self.body})


def problem_response(error: Exception) -> RawResponse:
    """Return the problem document for any exception; it names fields and never contains their values."""
    for kind, status, name in PROBLEM_KINDS:
        if isinstance(error, kind):
            detail = str(error)
            body = problems.problem(status, name, detail, errors=getattr(error, "errors", ()))
            return RawResponse(status, body, PROBLEM, ((b"connection", b"close"),) if status == 413 else ())
    status, body = problems.describe_error(error)
    extra = tuple((name.encode(), value.encode()) for name, value in problems.response_headers(status).items())
    return RawResponse(status, body, PROBLEM, extra)


async def authenticate(headers: Headers, authenticator: Authenticator, scope: str) -> Client:
    """Return the client of the bearer token. Raises `Unauthenticated`, or `Forbidden` without that scope."""
    value = headers.get(b"authorization")
    return (await authenticator.verify(value.decode("latin-1") if value else None)).require(scope)


def read_key(headers: Headers) -> str | None:
    """Return the idempotency key, which may be quoted (as in the IETF draft) or not. Raises `Invalid`."""
    value = headers.get(b"idempotency-key")
    if value is None:
        return None
    key = value.decode("latin-1").strip()
    if len(key) >= 2 and key[0] == key[-1] == '"':
        key = key[1:-1]
    if not is_key(key):
        raise field_error("Idempotency-Key", "1 to 200 visible ASCII characters", "string_pattern_mismatch")
    return key


def require_media_type(headers: Headers, media: bytes) -> None:
    """Check the media type of the body. Raises `WrongMedia`."""
    value = headers.get(b"content-type", b"").split(b";", 1)[0].strip().lower()
    if value != media:
        raise WrongMedia(f"Content-Type: expected {media.decode()}")


async def read_body(headers: Headers, receive: Receive, limit: int = BODY_MAX) -> bytes:
    """Return the whole body. Raises `BodyTooLarge`, after reading up to `DISCARD_MAX` bytes of it."""
    declared = headers.get(b"content-length", b"0")
    size = int(declared) if declared.isdigit() else 0
    if size <= limit:
        message = await receive()
        if not message.get("more_body"):  # nearly always the body comes in one message
            return _part(message, limit)
        return await _read_parts(message, receive, limit)
    await _discard(receive)
    raise BodyTooLarge(f"body: expected at most {limit} bytes")


def _part(message: MutableMapping[str, Any], limit: int) -> bytes:
    if message["type"] == "http.disconnect":
        raise Unavailable("the client closed the connection")
    body: bytes = message.get("body", b"")
    if len(body) > limit:
        raise BodyTooLarge(f"body: expected at most {limit} bytes")
    return body


async def _read_parts(message: MutableMapping[str, Any], receive: Receive, limit: int) -> bytes:
    body = bytearray(message.get("body", b""))
    while message.get("more_body"):
        message = await receive()
        body += _part(message, DISCARD_MAX)
        if len(body) > limit:
            await _discard(receive, message)
            raise BodyTooLarge(f"body: expected at most {limit} bytes")
    return bytes(body)


async def _discard(receive: Receive, message: MutableMapping[str, Any] | None = None) -> None:
    size = 0
    while size <= DISCARD_MAX and (message is None or message.get("more_body")):
        message = await receive()
        size += len(message.get("body", b""))
