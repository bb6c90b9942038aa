"""Kafka: client options, the consumer of a service, the relay from the outbox to a topic."""
