"""Yardsticks: plain, bare and ours, measured in one run (`make bench`)."""
