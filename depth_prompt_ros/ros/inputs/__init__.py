"""What a live node subscribes to: which messages belong together, and what is wrong when none do."""
