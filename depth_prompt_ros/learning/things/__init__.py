"""The network that finds things and glass on tables, learned from rendered tables with simulated sensors."""
