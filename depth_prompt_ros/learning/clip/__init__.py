"""Metric depth from a frozen CLIP by one learned prompt (2402.03251)."""
