"""Store of notify: states, messages and attempts on PostgreSQL."""
