"""Evaluation on real scenes: things found, pixels harmed, depth of glass and of the rest."""
