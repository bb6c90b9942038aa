"""Explanations of due times and promises, as sentences."""
