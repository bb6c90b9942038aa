"""Store of triage: states, handlers, waiting cases and queues on PostgreSQL."""
