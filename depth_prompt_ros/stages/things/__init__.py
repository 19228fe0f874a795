"""Things and glass on tables, found by a network that sees colour and depth."""
