"""Depth of transparent and mirror (ToM) surfaces (arXiv 2307.15052): virtual labels, fine-tuning, segmenter."""
