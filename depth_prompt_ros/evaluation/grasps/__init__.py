"""Grasp readiness: the surface that a planner is given, the grasps that it finds there, and what becomes of them."""
