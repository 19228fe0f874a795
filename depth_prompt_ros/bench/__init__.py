"""What the pipeline costs on this machine."""
