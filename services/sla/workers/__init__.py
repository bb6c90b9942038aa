"""Background workers: outage detection, and recomputing open complaints after a publication."""
