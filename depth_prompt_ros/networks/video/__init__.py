"""Depth and camera motion of plain video: networks that see where in the picture a pixel stands (2205.08851)."""
