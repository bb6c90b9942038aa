"""Bearer tokens: JWTs with scopes, signed with Ed25519. A verified token is cached until it expires."""

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
    "complaints:write": "file complaints and record what happens to them",
    "complaints:read": "read complaints, timelines, clocks and messages",
    "cases:decide": "classify and assign complaints",
    "promises:write": "make and move promises, request extensions",
    "promises:approve": "approve promises beyond the limits of the rules",
    "sla:write": "draft, test and publish calendars, policies and packs",
    "operate": "read and replay dead letters, close the breaker",
}
CACHE_MAX = 10_000
ALGORITHMS = ["EdDSA"]


class Unauthenticated(RedressError):
    """A bearer token is needed: `Authorization: Bearer TOKEN`."""

    challenge = "Bearer"


class PasswordNeeded(Unauthenticated):
    """A token is needed: `Authorization: Bearer TOKEN`, or as the password of HTTP Basic with any name."""

    challenge = 'Bearer, Basic realm="Redress", charset="UTF-8"'


class Forbidden(RedressError):
    """The token is valid but does not have the scope that this request needs."""


@dataclass(frozen=True, slots=True)
class Client:
    """Authenticated client: a system with a valid token."""

    name: str
    scopes: frozenset[str]
    expires_at: float  # seconds since the epoch

    def require(self, scope: str) -> "Client":
        """Return the client if it has the scope. Raises `Forbidden`."""
        if scope not in self.scopes:
            raise Forbidden(f"this request needs the scope {scope}")
        return self


class Authenticator:
    """Verifies tokens with the public key of a file or of an identity provider (JWKS)."""

    def __init__(self, settings: ServiceSettings) -> None:
        self._settings = settings
        self._verified: dict[str, Client] = {}
        self._key = _public_key(settings.auth_public_key_file) if settings.auth_public_key_file else None
        self._jwks = jwt.PyJWKClient(settings.auth_jwks_url, lifespan=300) if settings.auth_jwks_url else None
        if self._key is None and self._jwks is None:
            raise Misconfigured("auth: expected REDRESS_AUTH_PUBLIC_KEY_FILE or REDRESS_AUTH_JWKS_URL, got neither")

    def find_verified(self, token: str) -> Client | None:
        """Return the client of a token that was verified before and is still valid; None if it must be verified."""
        client = self._verified.get(token)
        return client if client and client.expires_at > time.time() else None

    async def verify(self, authorization: str | None) -> Client:
        """Return the client of an `Authorization` header. Raises `Unauthenticated`."""
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise Unauthenticated
        client = self.find_verified(token)
        if client is None:
            client = await self._verify(token)
            if len(self._verified) >= CACHE_MAX:
                self._verified.clear()
            self._verified[token] = client
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
            raise Unauthenticated("the token is not valid: wrong signature, audience, issuer or format") from None
        if not is_line(str(claims["sub"])):  # it is stored and shown as the actor
            raise Unauthenticated("the token's subject: expected one line of text without control characters")
        return Client(str(claims["sub"]), frozenset(str(claims.get("scope", "")).split()), float(claims["exp"]))


def require_scope(scope: str, *, password: bool = False) -> Any:
    """Return a FastAPI dependency that authenticates the client and requires `scope`.

    It uses `app.state.authenticator`. `password`: the token may also be the password of HTTP Basic, for clients that
    support nothing else.
    """

    async def client(request: Request) -> Client:
        authenticator: Authenticator = request.app.state.authenticator
        authorization = request.headers.get("authorization")
        if not password:
            return (await authenticator.verify(authorization)).require(scope)
        try:
            return (await authenticator.verify(_to_bearer(authorization))).require(scope)
        except Unauthenticated as error:
            raise PasswordNeeded(error.detail if authorization else None) from None

    return client


def _to_bearer(authorization: str | None) -> str | None:
    """Return the header with the password of HTTP Basic as a bearer token; other headers unchanged."""
    scheme, _, credentials = (authorization or "").partition(" ")
    if scheme.lower() != "basic":
        return authorization
    try:
        return f"Bearer {base64.b64decode(credentials, validate=True).decode().partition(':')[2]}"
    except ValueError:
        raise Unauthenticated("the credentials of HTTP Basic are malformed: expected NAME:TOKEN in Base64") from None


def create_token(key_file: Path, *, client: str, scopes: frozenset[str], lasts: timedelta, audience: str) -> str:
    """Return a token for `client`, signed with the key in `key_file`. Raises `Misconfigured` on unknown scopes."""
    if unknown := scopes - SCOPES.keys():
        raise Misconfigured(f"scope: expected some of {', '.join(SCOPES)}, got {', '.join(sorted(unknown))}")
    key = serialization.load_pem_private_key(key_file.read_bytes(), password=None)
    now = datetime.now(UTC)
    claims = {"sub": client, "aud": audience, "scope": " ".join(sorted(scopes)), "iat": now, "exp": now + lasts}
    return jwt.encode(claims, key, algorithm="EdDSA")  # type: ignore[arg-type]


def create_keys(private_file: Path, public_file: Path) -> None:
    """Write a new Ed25519 key pair; only the owner can read the private file."""
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
