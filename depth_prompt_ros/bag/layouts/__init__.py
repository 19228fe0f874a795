"""Published data sets, and folders of one's own, as recordings."""
