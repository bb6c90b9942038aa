"""In-memory fakes that pass the same conformance tests as the real parts. Shipped for tests of integrators."""

from shared.testing.memory import MemoryRunner

__all__ = ["MemoryRunner"]
