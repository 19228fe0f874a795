"""Metrics, baselines, comparisons and the report."""
