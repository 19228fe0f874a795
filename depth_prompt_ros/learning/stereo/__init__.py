"""Stereo networks learned from rendered pairs and taught transparent and mirror surfaces."""
