"""The four services; each is the same rooms around a different `decide`."""
