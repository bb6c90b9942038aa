"""Runner: decode a batch, fold it into states, and commit state, inbox and outbox in one transaction."""
