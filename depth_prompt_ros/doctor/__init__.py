"""What of a machine and of a recording works, what does not, and what to do about it."""
