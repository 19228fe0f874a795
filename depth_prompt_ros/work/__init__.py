"""A list of work in one process, in several, or on a Ray cluster: resumable, and no item stops the others."""
