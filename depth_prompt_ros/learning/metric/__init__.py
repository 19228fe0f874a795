"""Learning a metric prompt: what is measured in and around a target, into the frozen prompted network."""
