"""What is really there in a recording's frames: from topics, another recording, or files."""
