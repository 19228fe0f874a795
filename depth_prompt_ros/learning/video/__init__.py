"""Depth networks learned from plain video, without labels (2205.08851)."""
