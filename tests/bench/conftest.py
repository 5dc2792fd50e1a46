"""Benchmarks are run by `make bench`; each prints its table. They assert that the work was done, never how fast."""
