"""Learning: the shipped depth network, and background prompts through a frozen one."""
