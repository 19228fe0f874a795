"""Monocular depth networks, frozen after learning: each one's size, normalisation and output kind."""
