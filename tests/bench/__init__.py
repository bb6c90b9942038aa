"""Benchmark: Redress and two baselines (`plain`, `bare`), measured in one run (`make bench`)."""
