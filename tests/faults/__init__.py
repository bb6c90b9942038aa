"""Faults and the proof that they harm nobody: a load with its own ledger, injectors, and a checker of its own."""
