"""Kafka: client options, broker and consumer of a service, the relay from the outbox to a topic."""
