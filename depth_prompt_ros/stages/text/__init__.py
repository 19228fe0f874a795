"""What is named in words: phrases to tokens, tokens to vectors, and which pixels a phrase is of."""
