"""Explanations: how a due time or a promise came about, as data and as sentences."""
