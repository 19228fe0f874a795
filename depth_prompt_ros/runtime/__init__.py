"""Running an exported graph, and exporting it."""
