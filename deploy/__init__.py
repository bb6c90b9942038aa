"""Everything that starts, feeds or watches the services; nothing in here is imported by them."""
