"""Depth learned from video, and masks of what moves, beside the truth."""
