"""Idempotency keys: a client's key, and a proof that a repeated request has the same body.

The proof (`seal`) is a salted keyed hash. With a plain hash, a reader of the store could guess texts that a person may
have written and compare their hashes.
"""

from dataclasses import dataclass, field
from datetime import datetime
from hashlib import blake2b
from hmac import compare_digest
from typing import Literal

from shared.contracts.envelope import FrozenModel
from shared.errors import Rejected

SALT_BYTES = 16
Status = Literal["unknown", "received", "open", "awaiting_customer", "awaiting_third_party", "resolved", "withdrawn"]


class IdempotencyKeyReused(Rejected):
    """Idempotency-Key: expected a new key, got one that was used for another request."""


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """Key of one request: the client, its key, the body, and a random salt of `SALT_BYTES` from the caller."""

    client: str
    key: str
    body: bytes = field(repr=False)
    salt: bytes = field(repr=False)

    @property
    def seal(self) -> bytes:
        """Salt, followed by the keyed hash of the body."""
        return self.salt + _digest(self.salt, self.body)

    def matches(self, seal: bytes) -> bool:
        """Return True if that seal was made from the same body."""
        return compare_digest(seal[SALT_BYTES:], _digest(seal[:SALT_BYTES], self.body))


class IdempotencyRecord(FrozenModel):
    """Stored answer to a request with an idempotency key."""

    client: str
    key: str
    seal: str  # hexadecimal
    status: Status
    recorded_at: datetime


def _digest(salt: bytes, body: bytes) -> bytes:
    return blake2b(body, key=salt, digest_size=16).digest()
