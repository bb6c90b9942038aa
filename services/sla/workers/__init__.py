"""Background tasks: outage detection, and recomputing open complaints after a publication."""
