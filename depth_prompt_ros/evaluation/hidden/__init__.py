"""Evaluation on real things whose measured depth is hidden, against what was hidden."""
