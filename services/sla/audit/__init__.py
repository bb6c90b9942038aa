"""Audit: compare stored states and promises with the events they were made from."""
