"""Bulk submission: rows of a file become complaints, each under its own idempotency key, so that repeating is safe."""
