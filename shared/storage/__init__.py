"""PostgreSQL: connection pool, inbox, outbox, dead letters, and the database's clock."""
