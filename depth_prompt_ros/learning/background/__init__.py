"""Background prompting (arXiv 2306.05428): prompts, and the depth network they are learned for."""
