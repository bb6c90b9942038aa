"""Bearer tokens: JWT signed with Ed25519, scopes; a token is verified once and remembered until it expires."""

import asyncio
import base64
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from starlette.requests import Request

from shared.errors import Misconfigured, RedressError
from shared.settings import ServiceSettings
from shared.text import is_line

SCOPES: Final[Mapping[str, str]] = {
    "complaints:write": "post complaints and facts about them",
    "complaints:read": "read complaints, timelines, clocks and messages",
    "cases:decide": "decide what a complaint is and whose it is",
    "promises:write": "make and move promises, ask for extensions",
    "promises:approve": "go beyond what the rules allow without approval",
    "sla:write": "draft, rehearse and publish calendars, policies and packs",
    "operate": "look at and replay dead letters, close the breaker",
}
REMEMBERED_MAX = 10_000
ALGORITHMS = ["EdDSA"]


class Unauthenticated(RedressError):
    """A bearer token is needed: `Authorization: Bearer TOKEN`."""

    challenge = "Bearer"


class PasswordNeeded(Unauthenticated):
    """A token is needed: `Authorization: Bearer TOKEN`, or as the password of HTTP Basic with any name."""

    challenge = 'Bearer, Basic realm="Redress", charset="UTF-8"'


class Forbidden(RedressError):
    """The token is good but does not carry the scope this needs."""


@dataclass(frozen=True, slots=True)
class Client:
    """A system with credentials."""

    name: str
    scopes: frozenset[str]
    expires_at: float  # seconds since the epoch

    def must(self, scope: str) -> "Client":
        """Itself, if it holds the scope."""
        if scope not in self.scopes:
            raise Forbidden(f"this needs the scope {scope}")
        return self


class Authenticator:
    """Verifies tokens against a key file or an identity provider's JWKS."""

    def __init__(self, settings: ServiceSettings) -> None:
        self._settings = settings
        self._remembered: dict[str, Client] = {}
        self._key = _public_key(settings.auth_public_key_file) if settings.auth_public_key_file else None
        self._jwks = jwt.PyJWKClient(settings.auth_jwks_url, lifespan=300) if settings.auth_jwks_url else None
        if self._key is None and self._jwks is None:
            raise Misconfigured("auth: expected REDRESS_AUTH_PUBLIC_KEY_FILE or REDRESS_AUTH_JWKS_URL, got neither")

    def recall(self, token: str) -> Client | None:
        """The client of a token verified before, without any cryptography; None when it must be verified."""
        client = self._remembered.get(token)
        return client if client and client.expires_at > time.time() else None

    async def verify(self, authorization: str | None) -> Client:
        """The client that an `Authorization` header proves. Raises `Unauthenticated`."""
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise Unauthenticated
        client = self.recall(token)
        if client is None:
            client = await self._verify(token)
            if len(self._remembered) >= REMEMBERED_MAX:
                self._remembered.clear()
            self._remembered[token] = client
        return client

    async def _verify(self, token: str) -> Client:
        try:
            key: Any = self._key
            if self._jwks is not None:
                key = (await asyncio.to_thread(self._jwks.get_signing_key_from_jwt, token)).key
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=ALGORITHMS,
                audience=self._settings.auth_audience,
                issuer=self._settings.auth_issuer,
                options={"require": ["exp", "sub", "aud"]},
            )
        except jwt.ExpiredSignatureError:
            raise Unauthenticated("the token has expired; ask for a new one") from None
        except jwt.PyJWTError:
            raise Unauthenticated("the token is not valid here: wrong signature, audience, issuer or form") from None
        if not is_line(str(claims["sub"])):  # it is stored as the actor, and shown
            raise Unauthenticated("the token's subject: expected one line of text without control characters")
        return Client(str(claims["sub"]), frozenset(str(claims.get("scope", "")).split()), float(claims["exp"]))


def requires(scope: str, *, password: bool = False) -> Any:
    """A FastAPI dependency: the client, if its token carries `scope`. Reads `app.state.authenticator`.

    `password`: the token may also be the password of HTTP Basic, for clients that know nothing else.
    """

    async def client(request: Request) -> Client:
        authenticator: Authenticator = request.app.state.authenticator
        given = request.headers.get("authorization")
        if not password:
            return (await authenticator.verify(given)).must(scope)
        try:
            return (await authenticator.verify(_bearer(given))).must(scope)
        except Unauthenticated as error:
            raise PasswordNeeded(error.detail if given else None) from None

    return client


def _bearer(authorization: str | None) -> str | None:
    """The same, with the password of HTTP Basic as the token."""
    scheme, _, given = (authorization or "").partition(" ")
    if scheme.lower() != "basic":
        return authorization
    try:
        return f"Bearer {base64.b64decode(given, validate=True).decode().partition(':')[2]}"
    except ValueError:
        raise Unauthenticated("the credentials of HTTP Basic cannot be read: expected NAME:TOKEN in Base64") from None


def create_token(key_file: Path, *, client: str, scopes: frozenset[str], lasts: timedelta, audience: str) -> str:
    """A token for `client`, signed with the private key in `key_file`. Raises `Misconfigured` on unknown scopes."""
    if unknown := scopes - SCOPES.keys():
        raise Misconfigured(f"scope: expected some of {', '.join(SCOPES)}, got {', '.join(sorted(unknown))}")
    key = serialization.load_pem_private_key(key_file.read_bytes(), password=None)
    now = datetime.now(UTC)
    claims = {"sub": client, "aud": audience, "scope": " ".join(sorted(scopes)), "iat": now, "exp": now + lasts}
    return jwt.encode(claims, key, algorithm="EdDSA")  # type: ignore[arg-type]


def create_keys(private_file: Path, public_file: Path) -> None:
    """A new Ed25519 pair; the private file is readable by its owner only."""
    key = Ed25519PrivateKey.generate()
    private_file.touch(mode=0o600)
    private_file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    public_file.write_bytes(
        key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )


def _public_key(file: Path) -> Any:
    try:
        return serialization.load_pem_public_key(file.read_bytes())
    except (OSError, ValueError) as error:
        raise Misconfigured(f"auth: expected an Ed25519 public key (PEM) in {file.name}: {error}") from None
