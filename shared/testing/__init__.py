"""Fakes that pass the same conformance suite as the real thing; shipped, so that integrators can test with them."""

from shared.testing.memory import MemoryRunner

__all__ = ["MemoryRunner"]
