"""The depth-prompt command; one verb a file."""
