"""The four services; each is the same folders and runner with a different `decide`."""
