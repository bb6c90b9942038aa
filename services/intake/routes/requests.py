"""How a request is read and answered by hand: bounded, authenticated once a token, problems instead of tracebacks."""

from collections.abc import Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from services.intake.domain import IdempotencyKeyReused
from services.intake.forms import BODY_MAX, Invalid, Malformed, invalid, is_key
from shared.auth import Authenticator, Client
from shared.errors import Rejected, Unavailable
from shared.http import problems
from shared.http.app import Receive, Send

Headers = Mapping[bytes, bytes]
DISCARD_MAX = 16 * 1024 * 1024  # bytes read on of a body that is too large, so that its sender can read our answer
JSON: Final = b"application/json"
NDJSON: Final = b"application/x-ndjson"
PROBLEM: Final = problems.MEDIA_TYPE.encode()


class BodyTooLarge(Rejected):
    """The body is larger than this takes."""


class WrongMedia(Rejected):
    """The body is of another media type than this takes."""


KINDS: Final[Sequence[tuple[type[Exception], int, str]]] = (
    (Malformed, 400, "malformed"),
    (BodyTooLarge, 413, "too-large"),
    (WrongMedia, 415, "unsupported-media-type"),
    (IdempotencyKeyReused, 422, "idempotency-key-reused"),
    (Invalid, 422, "invalid"),
)


@dataclass(frozen=True, slots=True)
class RawResponse:
    """A whole response, ready to be sent."""

    status: int
    body: bytes
    media: bytes = JSON
    headers: tuple[tuple[bytes, bytes], ...] = ()

    async def send(self, send: Send) -> None:
        """Write it out by hand; a framework's response costs more than the insert it reports."""
        length = str(len(self.body)).encode()
        headers = [(b"content-type", self.media), (b"content-length", length), *self.headers]
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": self.body})


def refusal(error: Exception) -> RawResponse:
    """The problem document for anything that was raised; it names fields, never their contents."""
    for kind, status, name in KINDS:
        if isinstance(error, kind):
            detail = str(error)
            body = problems.problem(status, name, detail, errors=getattr(error, "errors", ()))
            return RawResponse(status, body, PROBLEM, ((b"connection", b"close"),) if status == 413 else ())
    status, body = problems.describe_error(error)
    extra = tuple((name.encode(), value.encode()) for name, value in problems.response_headers(status).items())
    return RawResponse(status, body, PROBLEM, extra)


async def client_of(headers: Headers, authenticator: Authenticator, scope: str) -> Client:
    """Who asks. Raises `Unauthenticated` or `Forbidden`."""
    given = headers.get(b"authorization")
    return (await authenticator.verify(given.decode("latin-1") if given else None)).require(scope)


def key_of(headers: Headers) -> str | None:
    """The idempotency key, quoted (as the IETF draft has it) or bare. Raises `Invalid`."""
    given = headers.get(b"idempotency-key")
    if given is None:
        return None
    key = given.decode("latin-1").strip()
    if len(key) >= 2 and key[0] == key[-1] == '"':
        key = key[1:-1]
    if not is_key(key):
        raise invalid("Idempotency-Key", "1 to 200 visible ASCII characters", "string_pattern_mismatch")
    return key


def must_be(headers: Headers, media: bytes) -> None:
    """Raises `WrongMedia` unless the body says it is of that type."""
    given = headers.get(b"content-type", b"").split(b";", 1)[0].strip().lower()
    if given != media:
        raise WrongMedia(f"Content-Type: expected {media.decode()}")


async def body_of(headers: Headers, receive: Receive, limit: int = BODY_MAX) -> bytes:
    """The whole body. Raises `BodyTooLarge`, after letting the sender finish within reason."""
    declared = headers.get(b"content-length", b"0")
    size = int(declared) if declared.isdigit() else 0
    if size <= limit:
        message = await receive()
        if not message.get("more_body"):  # nearly always: one piece
            return _piece(message, limit)
        return await _rest(message, receive, limit)
    await _discard(receive)
    raise BodyTooLarge(f"body: expected at most {limit} bytes")


def _piece(message: MutableMapping[str, Any], limit: int) -> bytes:
    if message["type"] == "http.disconnect":
        raise Unavailable("the client went away")
    body: bytes = message.get("body", b"")
    if len(body) > limit:
        raise BodyTooLarge(f"body: expected at most {limit} bytes")
    return body


async def _rest(message: MutableMapping[str, Any], receive: Receive, limit: int) -> bytes:
    pieces = bytearray(message.get("body", b""))
    while message.get("more_body"):
        message = await receive()
        pieces += _piece(message, DISCARD_MAX)
        if len(pieces) > limit:
            await _discard(receive, message)
            raise BodyTooLarge(f"body: expected at most {limit} bytes")
    return bytes(pieces)


async def _discard(receive: Receive, message: MutableMapping[str, Any] | None = None) -> None:
    seen = 0
    while seen <= DISCARD_MAX and (message is None or message.get("more_body")):
        message = await receive()
        seen += len(message.get("body", b""))
