"""The study of mirror prompts through a small CLIP: what conditions the decoder, and whether it matters."""
