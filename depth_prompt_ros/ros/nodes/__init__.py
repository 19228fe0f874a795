"""Lifecycle nodes: the whole pipeline in one, and one a stage."""
