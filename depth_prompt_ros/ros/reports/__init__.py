"""What a node says of itself: in its log, on the console, in /diagnostics."""
