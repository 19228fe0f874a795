"""Recordings through the pipeline and against their truth: one, or many at a time."""
