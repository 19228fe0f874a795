"""Evaluation on transparent and mirror (ToM) surfaces: rendered pairs, ClearGrasp, Booster, masks."""
