"""The background study: what each prompt does to each frozen network, in and out of distribution (2306.05428)."""
