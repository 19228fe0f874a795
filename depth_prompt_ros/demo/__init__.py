"""The demonstration: two bags that it writes itself, replayed, scored against their truth, and reported."""
