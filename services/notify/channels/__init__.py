"""Channels to customers. Each takes a finished message and reports the outcome of one attempt."""
