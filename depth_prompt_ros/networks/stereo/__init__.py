"""Stereo networks of the catalogue."""
