"""What the metric scale of a target is anchored to: trusted pixels, support plane, contact."""
