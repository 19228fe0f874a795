"""Where a moving camera was, from its pictures alone: features, points and poses (structure from motion)."""
