"""Recordings frame by frame: regions, sums, steadiness, latency, the page and the comparison of two evaluations."""
