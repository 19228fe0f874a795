"""Evaluation of backgrounds behind an object: learned, fixed and random."""
