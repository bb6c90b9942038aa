"""Embedded stack: PostgreSQL, Kafka, a mailbox and the four services on one machine, without Docker or root."""
