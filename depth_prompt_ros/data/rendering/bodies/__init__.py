"""What stands in rendered scenes: shapes of all families, panes, scanned things."""
