"""Metric, dense object depth for robot grasping, also on glass, chrome and mirrors."""

__version__ = "0.1.0"
