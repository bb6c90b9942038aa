"""Bulk submission of complaints from a file. Each row has its own idempotency key, so repeating is safe."""
