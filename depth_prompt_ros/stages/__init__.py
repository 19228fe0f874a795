"""What happens to a frame, one stage a file."""
