"""Fault injection: a load that logs its requests, fault injectors, and a checker of invariants."""
