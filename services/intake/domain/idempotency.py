"""What makes a request safe to repeat: a client's key, and proof that the body is the same one.

The proof is a salted keyed hash: whoever reads the store cannot look up what a person may have written in a table.
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
    """Idempotency-Key: expected a new key, got one that stands for another request already."""


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """Who asks, under which key, for what; `salt` is drawn by the caller."""

    client: str
    key: str
    body: bytes = field(repr=False)
    salt: bytes = field(repr=False)

    @property
    def seal(self) -> bytes:
        """Salt and keyed hash of the body."""
        return self.salt + _digest(self.salt, self.body)

    def opens(self, seal: bytes) -> bool:
        """Whether that seal was made of the same body."""
        return compare_digest(seal[SALT_BYTES:], _digest(seal[:SALT_BYTES], self.body))


class IdempotencyRecord(FrozenModel):
    """The answer that a key stands for from now on."""

    client: str
    key: str
    seal: str  # hexadecimal
    status: Status
    recorded_at: datetime


def _digest(salt: bytes, body: bytes) -> bytes:
    return blake2b(body, key=salt, digest_size=16).digest()
