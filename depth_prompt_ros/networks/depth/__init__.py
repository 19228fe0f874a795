"""Monocular depth networks of the catalogue."""
