"""SQL of triage."""
