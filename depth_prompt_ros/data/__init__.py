"""Rendered training objects and scenes, and readers of published data sets."""
